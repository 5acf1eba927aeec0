"""A request -> a line of a batch, and a line that came back -> the turn of its row.

A line is named by the key of its request, so that an answer finds its row in any process, and a
request that was answered live has the same name. What comes back is decoded as a whole reply is
live: reasoning apart from the answer, usage, finish reasons that are failures.

Notes
-----
A line's name is 64 characters at most at OpenRouter, and at least 6 at BigModel; a key has 32.
Batches do not stream, so ``stream`` is left out (OpenRouter and BigModel documentation, seen
2026-11-28).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import GlmError, SchemaError, UnavailableError
from ...core.i18n import tr
from ...core.text import join_surrogates
from ...core.turn import Notice, Timing, Turn
from ...engine.prepared import PreparedRequest
from ...engine.turn_builder import TurnBuilder
from ...tools.output_schema import OutputMismatchError
from ...wire.sse import Record as WireRecord
from ..results import BATCH
from .records import Line

CHAT_PATH = "/v1/chat/completions"
_STREAMING = ("stream", "stream_options")


@dataclass(frozen=True, slots=True)
class Result:
    """A line that came back."""

    name: str
    """What the line was named."""
    body: Mapping[str, Any] | None = None
    """The reply; ``None``: there is none."""
    error: Mapping[str, Any] | None = None
    """The error in its place, as an API tells one."""
    status: int = 200

    @property
    def key(self) -> bytes:
        """The key of its request; empty where the name is none of ours."""
        try:
            return bytes.fromhex(self.name)
        except ValueError:
            return b""


def batch_body(call: PreparedRequest) -> dict[str, Any]:
    """Return the body of a request as a batch takes it."""
    return {name: value for name, value in call.wire.body.items() if name not in _STREAMING}


def in_batch(call: PreparedRequest) -> PreparedRequest:
    """Return a request at the price of its provider's batches; the rest of it stays the same."""
    return replace(call, offer=replace(call.offer, price=call.offer.batch_price))


def write_lines(path: Path, lines: Iterable[Line]) -> Path:
    """Write requests as ``vllm run-batch`` reads them, those without an answer.

    Notes
    -----
    A line is ``{"custom_id", "method", "url", "body"}``, as of OpenAI's batches
    (docs.vllm.ai, offline inference with the OpenAI batch file format, seen 2026-11-28).

    Raises
    ------
    UnavailableError
        The file cannot be written.
    """
    written: set[bytes] = set()
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                if line.part is None or line.answer is not None or line.key in written:
                    continue
                written.add(line.key)
                head = json.dumps({"custom_id": line.key.hex(), "method": "POST", "url": CHAT_PATH})
                file.write(f'{head[:-1]}, "body": {join_surrogates(line.body)}}}\n')
    except OSError as error:
        raise UnavailableError(
            tr(
                "{file} cannot be written: {reason}", file=str(path), reason=error.strerror or error
            ),
            hint=tr("choose another file"),
        ) from None
    return path


def read_line(text: str) -> Result:
    """Read a line of a file of results.

    Notes
    -----
    BigModel and ``vllm run-batch`` write what OpenAI's batches do: ``{"custom_id", "response":
    {"status_code", "body"}, "error"}`` (docs.bigmodel.cn and docs.vllm.ai, seen 2026-11-28).
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Result("")
    return to_result(value)


def to_result(value: Any) -> Result:
    """Read one result, whatever is missing in it."""
    if not isinstance(value, Mapping):
        return Result("")
    name, error = str(value.get("custom_id") or ""), value.get("error")
    response = value.get("response")
    response = response if isinstance(response, Mapping) else {}
    body, status = response.get("body"), response.get("status_code")
    status = status if isinstance(status, int) else 200
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping) and not error:
        error = body["error"]
    if error or status >= 400 or not isinstance(body, Mapping):
        detail = error if isinstance(error, Mapping) else {"message": str(error or tr("no reply"))}
        return Result(name, error=detail, status=max(status, 400))
    return Result(name, body, status=status)


def to_turn(call: PreparedRequest, result: Result) -> tuple[Turn, GlmError | None]:
    """Return the turn of a row from what came back, and what it failed with.

    A time is not noted: how long a row took within a batch is not told.
    """
    builder = TurnBuilder(call)
    builder.start()
    price = call.offer.batch_price
    if price is not None and call.offer.price == price:
        builder.note([Notice(BATCH, tr("answered in a batch, at its price"))])
    if result.error is not None:
        body = json.dumps({"error": dict(result.error)}).encode()
        builder.end(error=call.dialect.error(call.offer, result.status, {}, body))
    else:
        text = json.dumps(result.body, ensure_ascii=False)
        text = call.key.redact(text) if call.key is not None else text
        decoder = call.dialect.decoder(call.offer, call.wire.body)
        builder.add([*decoder.feed(WireRecord(text, kind="document")), *decoder.finish()])
        builder.end()
    turn = builder.snapshot()
    steps = tuple(replace(s, timing=Timing(s.timing.started_at)) for s in turn.steps)
    turn = replace(turn, steps=steps, elapsed_s=None)
    return turn, builder.error or _misfit(call, turn)


def _misfit(call: PreparedRequest, turn: Turn) -> GlmError | None:
    """Return the error of an answer that does not match the schema."""
    plan = call.tool_plan
    if plan is None or plan.schema is None or not turn.steps:
        return None
    step = turn.steps[-1]
    try:
        if step.content.strip():
            plan.schema.read(step.content)
        else:
            plan.schema.read(step.reasoning, last=True)
    except OutputMismatchError as error:
        return SchemaError(
            tr("the answer does not match the schema: {problem}", problem=str(error)[:300]),
            hint=tr("a batch does not ask again; the same call asks this row once more"),
        )
    return None
