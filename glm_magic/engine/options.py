"""What a caller may ask for, before anything is chosen or checked.

Options of several levels -> one: the line over the session, the session over its defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..catalogue.load import Catalogue
from ..catalogue.resolve import find_model, split_model
from ..core.messages import Thinking
from ..core.secret import Secret
from ..tools.tool import Approve
from .tapes import TapeSetting

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
    tape: TapeSetting | None = None
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


def merge(known: Catalogue, *levels: Options) -> Options:
    """Lay levels over each other, the first one on top.

    A provider that is named above a model leaves that model out unless it serves it, so that
    ``-p`` alone asks the provider's own default; ``provider/model`` names both.
    """
    result = Options()
    for level in levels:
        below = split(known, level)
        if result.provider and not result.model and not _serves(known, result.provider, below):
            below = replace(below, model=None)
        result = result.over(below)
    return result


def split(known: Catalogue, options: Options) -> Options:
    """Write ``provider/model`` as provider and model."""
    provider, model = split_model(known, options.provider, options.model)
    return replace(options, provider=provider, model=model)


def _serves(known: Catalogue, provider: str, below: Options) -> bool:
    info = known.providers.get(provider)
    model = find_model(known, below.model) if below.model else None
    if info is None or info.self_hosted or model is None:
        return info is None or below.provider in (None, provider)
    return (info.name, model.id) in known.offers
