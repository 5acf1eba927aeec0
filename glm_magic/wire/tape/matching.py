"""How a tape matches requests, and what it keeps of a reply.

Two requests match when they ask the same (provider, model, messages, parameters), however the body
spells its transport.
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

from ...core.attachments import by_hash
from ...core.i18n import tr
from ...core.text import shorten

_TRANSPORT = ("stream", "stream_options", "incremental_output", "result_format")
"""Body keys about how the reply is sent, not about what it is."""
_COMPARED = 1_000
"""How much of two prompts is compared to find the nearest; it takes the square of that."""


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
        """Read a request body, in the OpenAI-style or Model Studio's native form.

        Pictures and files are there by their hash.
        """
        rest = by_hash(body)
        given = rest.pop("input", None)
        if isinstance(given, Mapping):  # the native form nests both
            rest.update(given)
            rest.update(rest.pop("parameters", None) or {})
        model = str(rest.pop("model", ""))
        messages = tuple(rest.pop("messages", ()))
        asked = {name: value for name, value in rest.items() if name not in _TRANSPORT}
        parameters = _plain_numbers(asked)
        return cls(provider, model, messages, parameters)

    @cached_property
    def digest(self) -> str:
        """A hexadecimal digest that two requests share exactly when they ask the same."""
        parts = [self.provider, self.model, list(self.messages), dict(self.parameters)]
        text = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.replace("\\r\\n", "\\n").encode()).hexdigest()

    @property
    def prompt(self) -> str:
        """The text of the last message that the user, or a tool, wrote."""
        content = self.messages[-1].get("content") if self.messages else ""
        if isinstance(content, list):
            return " ".join(str(part.get("text", f"[{part.get('type')}]")) for part in content)
        return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)

    def differences(self, other: RequestKey) -> list[str]:
        """Say how another request differs from this recorded one, one difference each."""
        texts = [
            _changed(name, then, here)
            for name, then, here in (
                ("provider", self.provider, other.provider),
                ("model", self.model, other.model),
            )
            if then != here
        ]
        texts += _parameter_changes(self.parameters, other.parameters)
        if self.prompt != other.prompt:
            texts.append(tr("the prompt was different"))
        elif self.messages != other.messages:
            texts.append(_message_change(self.messages, other.messages))
        return texts

    def similarity(self, other: RequestKey) -> float:
        """Return how similar another request is, from 0 to 1.5; the prompt weighs most."""
        one, two = self.prompt[:_COMPARED], other.prompt[:_COMPARED]
        prompts = difflib.SequenceMatcher(None, one, two, autojunk=False).ratio()
        same = (
            self.provider == other.provider,
            self.model == other.model,
            self.parameters == other.parameters,
            self.messages == other.messages,
        )
        return prompts + sum(same) / 8


def _plain_numbers(value: Any) -> Any:
    """Return JSON with 1.0 written as 1, which means the same in every request."""
    if isinstance(value, Mapping):
        return {name: _plain_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _parameter_changes(then: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    values = ((name, _value(then, name), _value(here, name)) for name in sorted({*then, *here}))
    return [_changed(name, was, now) for name, was, now in values if was != now]


def _value(parameters: Mapping[str, Any], name: str) -> str:
    if name not in parameters:
        return tr("not set")
    return shorten(json.dumps(parameters[name], ensure_ascii=False, sort_keys=True))


def _changed(name: str, then: str, here: str) -> str:
    return tr("{name} was {then} and is {here} here", name=name, then=then, here=here)


def _message_change(then: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]) -> str:
    if len(then) != len(here):
        return tr(
            "{then} messages were sent before it and {here} are here",
            then=len(then) - 1,
            here=len(here) - 1,
        )
    pairs = enumerate(zip(then, here, strict=True), 1)
    number, message = next((n, new) for n, (old, new) in pairs if old != new)
    role = message.get("role", "user")
    return tr("message {number}, of the {role}, was different", number=number, role=role)


Ending = Literal["whole", "closed", "broken"]
"""``whole``: the body ended. ``closed``: enough had been read, or the user stopped it. ``broken``:
the connection broke."""

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
    """The few that reading the reply needs; never a cookie, an id or an organisation."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Pictures and files of the request in base64, by their hash; empty unless it was asked for."""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(chunk.data for chunk in self.chunks)
