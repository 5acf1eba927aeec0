"""Options and messages -> a checked request; nothing is sent that is known to be refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...catalogue.schema import Offer
from ...core.errors import InvalidValueError, UnsupportedError
from ...core.events import Notice
from ...core.messages import Message
from ...core.request import EFFORT_LEVELS, Request, Thinking
from .kinds import check_json

RESERVED = ("model", "messages", "input", "stream", "parameters")
"""Body keys that are not the caller's to set."""


def plan(
    offer: Offer,
    messages: Sequence[Message],
    *,
    thinking: Thinking = None,
    parameters: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
) -> Request:
    """Check what was asked against what the offer can do.

    Raises
    ------
    InvalidValueError
        The prompt is empty, or a value is out of the catalogue's range.
    UnsupportedError
        The model or provider cannot do it.
    """
    if not messages or not (messages[-1].content.strip() or messages[-1].tool_call_id):
        raise InvalidValueError(
            "the prompt is empty", hint="write the question under the %%glm line, or after %glm"
        )
    return Request(
        model=offer.model.id,
        messages=tuple(messages),
        thinking=checked_thinking(thinking, offer),
        parameters=checked_parameters(parameters or {}, offer),
        tools=checked_tools(tools),
    )


_SWITCH = {"on": True, "off": False}


def checked_thinking(wanted: Thinking, offer: Offer) -> Thinking:
    """Return the thinking request, or refuse what the model or provider cannot do."""
    if isinstance(wanted, str):
        wanted = _SWITCH.get(wanted.strip().lower(), wanted)
    if wanted is None or wanted is True:
        return wanted
    name, provider = offer.model.id, offer.provider
    if wanted is False:
        if not offer.thinking_off:
            raise UnsupportedError(
                f"{name} always thinks; thinking cannot be switched off",
                hint=_softer(offer) + "or choose an older model, such as glm-4.7",
                provider=provider.name,
            )
        return False
    level = str(wanted).strip().lower()
    if level == "auto":
        return "auto"
    levels = offer.effort or provider.effort
    if level not in levels:
        raise _no_level(level, levels, offer)
    return level


def _softer(offer: Offer) -> str:
    return f"use --think {offer.effort[0]} for the least of it, " if offer.effort else ""


def _no_level(
    level: str, levels: tuple[str, ...], offer: Offer
) -> InvalidValueError | UnsupportedError:
    if level not in EFFORT_LEVELS:
        return InvalidValueError(
            f"thinking takes on, off, auto or a level, not {level!r}",
            hint=f"levels are {', '.join(levels or EFFORT_LEVELS)}",
        )
    hint = f"levels here are {', '.join(levels)}" if levels else "use --think on or --no-think"
    return UnsupportedError(
        f"{offer.model.id} at {offer.provider.title} has no thinking level {level!r}",
        hint=hint,
        provider=offer.provider.name,
    )


def checked_parameters(parameters: Mapping[str, Any], offer: Offer) -> dict[str, Any]:
    """Return the parameters that were set, each checked against the provider's rule for it."""
    rules = offer.provider.parameters
    for name, value in parameters.items():
        if name in RESERVED:
            raise InvalidValueError(
                f"{name!r} is not a parameter", hint="it is set by other options"
            )
        problem = rules[name].problem(value) if name in rules else None
        if problem:
            cls = UnsupportedError if rules[name].refused else InvalidValueError
            raise cls(
                f"{name} {problem}" if cls is InvalidValueError else problem,
                hint=f"leave {name} out"
                + ("" if rules[name].refused else ", or change it")
                + f" ({offer.provider.title})",
                provider=offer.provider.name,
            )
        needed = rules[name].requires if name in rules else ""
        if needed and not parameters.get(needed):
            raise InvalidValueError(
                f"{name} has no effect without {needed}", hint=f"add --param {needed}=true"
            )
        check_json(name, value)
    _check_limits(parameters, offer)
    return dict(parameters)


def _check_limits(parameters: Mapping[str, Any], offer: Offer) -> None:
    """Refuse a length that this model does not have at this provider."""
    limits = {
        "max_tokens": offer.max_output or offer.max_answer,
        "thinking_budget": offer.max_reasoning,
    }
    for name, limit in limits.items():
        wanted = parameters.get(name)
        if limit is not None and isinstance(wanted, int) and wanted > limit:
            raise InvalidValueError(
                f"{name} can be at most {limit:,} for {offer.model.id}, not {wanted:,}",
                hint=f"leave {name} out, or change it ({offer.provider.title})",
                provider=offer.provider.name,
            )


def parameter_notices(parameters: Mapping[str, Any], offer: Offer) -> Iterable[Notice]:
    """Tell of parameters that the provider's documentation does not name."""
    rules = offer.provider.parameters
    unlisted = [name for name in parameters if name not in rules]
    if unlisted and rules and offer.provider.sells:
        yield Notice(
            "unlisted-parameter",
            f"{', '.join(unlisted)}: not in {offer.provider.title}'s list of parameters, "
            "so it may be ignored",
        )


def checked_tools(tools: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return tool schemas as they are, or say that they cannot be sent."""
    for tool in tools:
        check_json("a tool", tool)
    return tuple(tools)
