"""What a caller may ask for, before anything is chosen or checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ...core.request import Thinking
from ...core.secret import Secret
from .follow import Approve
from .tapes import TapeUse

WEB_SEARCH = "web_search"
"""Name of the tool that BigModel and Z.ai run themselves."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one prompt; ``None`` leaves a thing to the session, environment or provider."""

    model: str | None = None
    provider: str | None = None
    base_url: str | None = None
    api_key: Secret | None = None
    system: str | None = None
    thinking: Thinking = None
    preserve: bool | None = None
    """Whether reasoning of earlier turns goes back with every request."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Any] = ()
    """Functions, tools of a server, or schemas in the OpenAI form."""
    schema: Any = None
    """The shape of the answer: a type, or a JSON schema."""
    mcp: tuple[str, ...] = ()
    """Servers whose tools the model may call, by name."""
    max_rounds: int | None = None
    approve: bool | Approve | None = None
    """True asks the user before each call."""
    parallel: bool | None = None
    """True lets the calls of one round run at the same time."""
    tool_timeout_s: float | None = None
    idle_timeout_s: float | None = None
    tape: TapeUse | None = None
    """The tape that this call goes through; ``None``: the one put in, or ``GLM_TAPE``."""
    speed: float | None = None
    """Speed of a replay wherever nobody named one."""

    def over(self, below: Options) -> Options:
        """Return these options, with those of `below` wherever these say nothing."""
        mine = {
            option.name: getattr(self, option.name)
            for option in fields(self)
            if getattr(self, option.name) not in (None, (), {})
        }
        mine["parameters"] = {**below.parameters, **self.parameters}
        return replace(below, **mine)
