"""Bytes -> events -> what they say, without the code that does it for the notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from glm_magic.catalogue.schema import ModelInfo, Offer, ProviderInfo
from glm_magic.core import events, turn
from glm_magic.core.errors import GlmError
from glm_magic.core.messages import Request
from glm_magic.core.usage import TokenEstimate, Usage
from glm_magic.dialects import DIALECTS
from glm_magic.engine.prepared import PreparedRequest
from glm_magic.engine.turn_builder import Clock
from glm_magic.wire.request import WireRequest
from glm_magic.wire.sse import BodyReader
from tests.servers.script import Tokens

SELF_HOSTED = ("vllm", "sglang", "llamacpp", "ollama", "lmstudio")


def offer_for(dialect: str) -> Offer:
    """Return an offer that says no more than a decoder needs."""
    self_hosted = dialect in SELF_HOSTED
    provider = ProviderInfo(
        dialect, dialect, dialect, "http://127.0.0.1:9/v1", self_hosted=self_hosted
    )
    return Offer(provider, ModelInfo("glm-4.6", "GLM-4.6"), "glm-4.6")


def request_for(dialect: str) -> PreparedRequest:
    """Return a request that says no more than a turn needs."""
    return PreparedRequest(
        prompt="Why?",
        offer=offer_for(dialect),
        dialect=DIALECTS[dialect],
        request=Request("glm-4.6", ()),
        wire=WireRequest("http://127.0.0.1:9/v1", {}),
        size=TokenEstimate(1),
    )


class SetClock(Clock):
    """Shows the time that it is set to."""

    def __init__(self) -> None:
        super().__init__()
        self.at_s = 0.0
        self.start()

    def now_s(self) -> float:
        return self.at_s


def decode(
    dialect: str, chunks: Iterable[bytes], request: Mapping[str, Any] | None = None
) -> list[events.Event]:
    """Return the events of a body that arrives in these chunks."""
    framer = BodyReader()
    decoder = DIALECTS[dialect].decoder(offer_for(dialect), request or INCREMENTAL)
    decoded_events: list[events.Event] = []
    for chunk in chunks:
        for record in framer.feed(chunk):
            decoded_events += decoder.feed(record)
    for record in framer.finish():
        decoded_events += decoder.feed(record)
    return decoded_events + decoder.finish()


INCREMENTAL = {"parameters": {"incremental_output": True}}


@dataclass
class Folded:
    """What a list of events says."""

    reasoning: str = ""
    answer: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    """Id, name and arguments, by index."""
    usage: Usage | None = None
    started: list[events.Started] = field(default_factory=list)
    finishes: list[str | None] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    errors: list[GlmError] = field(default_factory=list)

    @property
    def ends(self) -> int:
        """How many events ended the reply."""
        return len(self.finishes) + len(self.errors)

    @property
    def call_list(self) -> list[tuple[str, str, str]]:
        """Id, name and arguments of each call, in order."""
        return [(c[0], c[1], c[2]) for _, c in sorted(self.calls.items())]


def fold(decoded_events: Iterable[events.Event]) -> Folded:  # noqa: C901  one arm for each kind of event
    """Add events up."""
    folded = Folded()
    for event in decoded_events:
        match event:
            case events.ReasoningDelta(text):
                folded.reasoning += text
            case events.ContentDelta(text):
                folded.answer += text
            case events.ContentWasReasoning():
                folded.reasoning, folded.answer = folded.reasoning + folded.answer, ""
            case events.ToolCallDelta(index, arguments, id_, name):
                call = folded.calls.setdefault(index, ["", "", ""])
                folded.calls[index] = [id_ or call[0], name or call[1], call[2] + arguments]
            case events.UsageReport(usage):
                folded.usage = usage
            case events.Started():
                folded.started.append(event)
            case events.Finish(reason):
                folded.finishes.append(reason)
            case turn.Notice(code):
                folded.notices.append(code)
            case events.StreamError(error):
                folded.errors.append(error)
    return folded


def read(dialect: str, *chunks: bytes, request: Mapping[str, Any] | None = None) -> Folded:
    """Decode a body and add its events up."""
    return fold(decode(dialect, chunks, request))


def comparable(decoded_events: Iterable[events.Event]) -> list[Any]:
    """Return events that can be compared; two errors are equal when they say the same."""
    return [
        (type(event.error), event.error.message, event.error.code, event.error.status)
        if isinstance(event, events.StreamError)
        else event
        for event in decoded_events
    ]


def cut(body: bytes, positions: Iterable[int]) -> list[bytes]:
    """Return the body cut at the positions."""
    edges = [0, *sorted(min(position, len(body)) for position in positions), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def usage_of(tokens: Tokens | None) -> Usage | None:
    """Return what a server's figures are in our words."""
    if tokens is None:
        return None
    return Usage(tokens.input, tokens.output, tokens.cached, tokens.reasoning)
