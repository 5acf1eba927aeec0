"""One reply on a tape: what was asked, and the bytes that came, each with its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from .meaning import Meaning

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
class Entry:
    """One reply."""

    asked: Meaning
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
