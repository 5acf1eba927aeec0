"""What a dialect is: how one API is spelled, and nothing about who serves it.

A request goes out through `encode`; a reply comes back through a `Decoder`, which is an object
without sockets and clocks. So every law of a stream can be tested on recorded bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..catalogue.schema import Offer
from ..core.errors import GlmError
from ..core.events import Event
from ..core.messages import Beginning, Request
from ..wire.request import WireRequest
from ..wire.sse import Record


class Decoder(Protocol):
    """Turns the records of one reply into events. It holds all its state and never raises."""

    @property
    def is_done(self) -> bool:
        """True once nothing more of this reply can follow, whatever else the body holds."""

    @property
    def finish_reason(self) -> str | None:
        """The provider's finish reason, once it was seen."""

    def feed(self, record: Record) -> list[Event]:
        """Return the events of one record."""

    def finish(self) -> list[Event]:
        """Return the events that the end of the body brings: `Finish`, or `StreamError`."""


class Dialect(Protocol):
    """How one API is spelled. It holds no state; every stream has its own `Decoder`."""

    @property
    def name(self) -> str:
        """The name that the catalogue's providers use."""

    @property
    def asks_usage(self) -> bool:
        """Whether usage must be asked for with ``stream_options``."""

    @property
    def json_needs_no_thinking(self) -> bool:
        """Whether JSON mode is refused while the model thinks."""

    @property
    def web_search(self) -> str:
        """The engine of the web search, where a provider names no other; empty: there is none."""

    @property
    def begin(self) -> Callable[[dict[str, Any], Beginning, Offer], None] | None:
        """How a reply is begun inside its reasoning; ``None``: it cannot be."""

    @property
    def limit_thinking(self) -> Callable[[int], dict[str, Any]] | None:
        """The body keys for the most tokens of thinking; ``None``: there are none."""

    def encode(self, request: Request, offer: Offer) -> WireRequest:
        """Spell a request. The key is not part of it."""

    def decoder(self, offer: Offer, body: Mapping[str, Any]) -> Decoder:
        """Return a decoder for the reply to one request body."""

    def error(self, offer: Offer, status: int, headers: Mapping[str, str], body: bytes) -> GlmError:
        """Read a response whose status is an error."""
