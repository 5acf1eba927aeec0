"""Rows and requests as the disk has them, for a process that was not there when they were written.

A frame comes back as records: its index and the types of its columns are not on disk. Where they
matter, make the call again; it finds its batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...catalogue.schema import Offer
from ...core.errors import GlmError
from ...core.i18n import tr
from ...core.messages import Message
from ...core.spelled import body_tokens
from ...core.turn import Notice
from ...core.usage import TokenEstimate
from ...engine.keywords import to_options
from ...engine.options import Options
from ...engine.prepare import prepare
from ...engine.prepared import PreparedRequest, ToolPlan
from ...tools.output_schema import OutputSchema
from ..answers import Answers
from ..budget import RowBudget
from ..requests import Requests
from ..rows import Rows
from .lines import in_batch
from .records import Line, Part, Record


def first_call(part: Part, api_key: Any = None, *, to_send: bool = True) -> PreparedRequest:
    """Return a request to whom a part was sent, with the key of today; without one, to be read.

    Raises
    ------
    GlmError
        There is no key, or the catalogue no longer has the model.
    """
    at: dict[str, Any] = {"provider": part.provider, "model": part.model}
    at |= {"base_url": part.base_url, "api_key": api_key}
    options = to_options(at)  # type: ignore[arg-type]
    call = prepare((Message("user", "a row"),), options, start_local=to_send)
    return in_batch(call) if call.offer.batch_price is not None else call


class StoredRequests(Requests):
    """The requests of a batch, from its rows on disk.

    Parameters
    ----------
    record : Record
        The batch.
    lines : sequence of Line
        All of its rows.
    api_key : Secret, optional
        In place of the one that is found.
    """

    def __init__(self, record: Record, lines: Sequence[Line], api_key: Any = None) -> None:
        self._record, self._lines = record, lines
        self._api_key = api_key
        self._calls: dict[tuple[int, bool], PreparedRequest] = {}
        schema = json.loads(record.schema) if record.schema else None
        self._plan = ToolPlan(schema=OutputSchema(schema)) if schema else None
        self.options = Options(schema=schema)

    @property
    def notices(self) -> Sequence[Notice]:
        """What was to be known was told when it was sent."""
        return ()

    @property
    def offer(self) -> Offer | None:
        """Who is asked first; ``None`` where nobody had to be."""
        return self._call(0, to_send=False).offer if self._record.parts else None

    @property
    def written(self) -> str:
        """The prompt as it was written."""
        return self._record.written

    @property
    def template(self) -> str:
        """A digest of what all rows have in common."""
        return self._record.template

    def check(self, budget: RowBudget) -> Sequence[Notice]:  # noqa: ARG002 - was held when sent
        """Allow it: there is no budget any more."""
        return ()

    def account(self, part: int) -> PreparedRequest:
        """Return a request to whom a part was sent."""
        return self._call(part, to_send=True)

    def _call(self, part: int, *, to_send: bool) -> PreparedRequest:
        if (part, to_send) not in self._calls:
            call = first_call(self._record.parts[part], self._api_key, to_send=to_send)
            self._calls[part, to_send] = call
        return self._calls[part, to_send]

    def of(self, number: int, row: Any) -> PreparedRequest:  # noqa: ARG002 - the disk has it
        """Return the request about a row, as it was sent.

        Raises
        ------
        GlmError
            It could not be made.
        """
        line = self._lines[number]
        if not line.key or not self._record.parts:
            raise line.problem.to_error() if line.problem else GlmError(tr("no request"))
        first = self._call(line.part or 0, to_send=False)
        return with_body(replace(first, tool_plan=self._plan), line.body)

    def key(self, number: int, call: PreparedRequest) -> bytes:  # noqa: ARG002 - as it was sent
        """Return the key under which the answer about a row is kept."""
        return self._lines[number].key


def with_body(first: PreparedRequest, text: str) -> PreparedRequest:
    """Return a request with a body from the disk."""
    body: dict[str, Any] = json.loads(text)
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    prompt = last.get("content") if isinstance(last, Mapping) else ""
    return replace(
        first,
        prompt=prompt if isinstance(prompt, str) else "",
        wire=replace(first.wire, body=body),
        size=TokenEstimate(body_tokens(body)),
        notices=(),
    )


def stored_rows(record: Record, lines: Iterator[Line] | Sequence[Line]) -> Rows:
    """Return the rows of a batch: texts, or records."""
    values = [json.loads(line.record) for line in lines]
    return Rows(values if record.kind == "texts" else [dict(value) for value in values])


def written_row(row: Any) -> str:
    """Return a row as it is kept; what JSON does not know is kept as its text."""
    value = {str(k): v for k, v in row.items()} if isinstance(row, Mapping) else row
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)  # a number of numpy
    try:
        return item() if callable(item) else str(value)
    except (TypeError, ValueError):
        return str(value)


class StoredAnswers(Answers):
    """The answers of a batch that another process sent.

    What it has is told by its rows, so nothing else counts as known.
    """

    def __init__(self, record: Record) -> None:
        super().__init__(record.name or None, "", run=record.run)
        self._template = record.template

    def known(self, keys: Any) -> dict[bytes, int]:  # noqa: ARG002
        """Return nothing: rows are settled one by one."""
        return {}
