"""Everything that is needed to send one prompt and read its reply."""

from __future__ import annotations

from dataclasses import dataclass

from ..catalogue.schema import Offer
from ..core.estimate import Size
from ..core.events import Notice
from ..core.secret import Secret
from ..dialects import Dialect
from ..wire.http import IDLE_TIMEOUT_S
from ..wire.request import WireRequest


@dataclass(frozen=True, slots=True)
class Call:
    """One prompt, chosen, checked and spelled; nothing of it has been sent."""

    prompt: str
    offer: Offer
    dialect: Dialect
    wire: WireRequest
    key: Secret | None = None
    notices: tuple[Notice, ...] = ()
    """What is worth saying before anything is sent."""
    idle_timeout_s: float = IDLE_TIMEOUT_S
    size: Size | None = None
    """About how large the request is; ``None``: nobody has estimated it."""
