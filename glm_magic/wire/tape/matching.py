"""What a request asks, whatever the spelling of its transport: provider, model, messages, rest.

One reply on a tape: what was asked, and the bytes that came, each with its time.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, get_args

_TRANSPORT = ("stream", "stream_options", "incremental_output", "result_format")
"""Body keys that say how the reply is to be sent, not what it is to be."""

_SHOWN = 70


@dataclass(frozen=True)
class RequestKey:
    """What one request asks."""

    provider: str
    model: str
    """The model as the body names it."""
    messages: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Any]
    """Everything else of the body: thinking, sampling, tools, response format."""

    @classmethod
    def of(cls, provider: str, body: Mapping[str, Any]) -> RequestKey:
        """Read a request body, in the OpenAI-style or Model Studio's native form."""
        rest = dict(body)
        given = rest.pop("input", None)
        if isinstance(given, Mapping):  # the native form nests both
            rest.update(given)
            rest.update(rest.pop("parameters", None) or {})
        model = str(rest.pop("model", ""))
        messages = tuple(rest.pop("messages", ()))
        kept = {name: value for name, value in rest.items() if name not in _TRANSPORT}
        parameters = _plain_numbers(kept)
        return cls(provider, model, messages, parameters)

    @cached_property
    def digest(self) -> str:
        """A number that two requests share exactly when they ask the same."""
        parts = [self.provider, self.model, list(self.messages), dict(self.parameters)]
        text = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.replace("\\r\\n", "\\n").encode()).hexdigest()

    @property
    def prompt(self) -> str:
        """The text of the last message that the user, or a tool, wrote."""
        content = self.messages[-1].get("content") if self.messages else ""
        return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)

    def difference(self, other: RequestKey) -> str:
        """Say in a few words how another request differs from this one."""
        told = [
            f"{name} was {mine} and is {theirs} here"
            for name, mine, theirs in (
                ("provider", self.provider, other.provider),
                ("model", self.model, other.model),
            )
            if mine != theirs
        ]
        told += _parameters(self.parameters, other.parameters)
        if self.prompt != other.prompt:
            told.append("the prompt was another")
        elif self.messages != other.messages:
            told.append(_messages(self.messages, other.messages))
        return "; ".join(told)

    def likeness(self, other: RequestKey) -> float:
        """Return how near another request is, from 0 to 1.5; the prompt weighs most."""
        prompts = difflib.SequenceMatcher(None, self.prompt, other.prompt, autojunk=False).ratio()
        same = (
            self.provider == other.provider,
            self.model == other.model,
            self.parameters == other.parameters,
            self.messages == other.messages,
        )
        return prompts + sum(same) / 8


def _plain_numbers(value: Any) -> Any:
    """Return JSON with 1.0 written as 1: no request means something else by it."""
    if isinstance(value, Mapping):
        return {name: _plain_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _parameters(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    told = []
    for name in sorted({*mine, *theirs}):
        ours, other = _value(mine, name), _value(theirs, name)
        if ours != other:
            told.append(f"{name} was {ours} and is {other} here")
    return told


def _value(parameters: Mapping[str, Any], name: str) -> str:
    if name not in parameters:
        return "not set"
    return short(json.dumps(parameters[name], ensure_ascii=False, sort_keys=True), 40)


def _messages(mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> str:
    if len(mine) != len(theirs):
        before = (len(mine) - 1, len(theirs) - 1)
        return "{} messages were sent before it and {} are here".format(*before)
    for number, (ours, other) in enumerate(zip(mine, theirs, strict=True), 1):
        if ours != other:
            return f"message {number}, of the {other.get('role', 'user')}, was another"
    return ""


def short(text: str, longest: int = _SHOWN) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


Ending = Literal["whole", "closed", "broken"]
"""``whole``: the body came to its end. ``closed``: we had read enough, or the user stopped it.
``broken``: the connection broke."""

ENDINGS = get_args(Ending)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that arrived together."""

    at_s: float
    """Seconds since the request was sent; kept to the millisecond."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """One reply."""

    asked: RequestKey
    recorded: datetime
    """When the request was sent, in UTC, to the second."""
    status: int
    head_s: float
    """Seconds until the head of the response came."""
    chunks: tuple[Chunk, ...]
    ended: Ending
    ended_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """The few that a reply is read with; never a cookie, an id or an organisation."""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(chunk.data for chunk in self.chunks)
