"""Options and messages -> a checked request; nothing is sent that is known to be refused.

What kind of value each option of a question takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError, UnsupportedError
from ..core.i18n import Text, tr
from ..core.messages import EFFORT_LEVELS, Message, Request, Thinking, thinking_of
from ..core.secret import Secret
from ..core.turn import Notice


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value that a keyword of the Python API takes."""

    name: Text
    accepts: Callable[[Any], bool]


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_duration(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


TEXT = Kind(tr("a text"), lambda value: isinstance(value, str))
KEY = Kind(tr("a text"), lambda value: isinstance(value, (str, Secret)))
THINKING = Kind(
    tr('True, False, "auto" or an effort level'), lambda value: isinstance(value, (bool, str))
)
LIST = Kind(tr("a list"), _is_sequence)
NAMES = Kind(tr("a list of names"), _is_sequence)
COUNT = Kind(tr("a whole number of at least 1"), _is_count)
APPROVAL = Kind(
    tr("True, False or a function"), lambda value: isinstance(value, bool) or callable(value)
)
SWITCH = Kind(tr("True or False"), lambda value: isinstance(value, bool))
DURATION = Kind(tr("a positive number of seconds"), _is_duration)
MAPPING = Kind(tr("a dict with names as keys"), _is_mapping)


def check_json(name: str, value: Any) -> None:
    """Refuse a value that a JSON body cannot hold.

    Raises
    ------
    InvalidValueError
        It cannot be written as JSON.
    """
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidValueError(
            f"{name} cannot be sent: {repr(value)[:60]} has no form in JSON",
            hint="use texts, finite numbers, true, false, null, lists and dicts of these",
        ) from None


RESERVED = ("model", "messages", "input", "stream", "parameters")
"""Body keys that are not the caller's to set."""


def check_request(
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


def checked_thinking(wanted: Thinking, offer: Offer) -> Thinking:
    """Return the thinking request, or refuse what the model or provider cannot do."""
    if isinstance(wanted, str):
        wanted = thinking_of(wanted.strip().lower())
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
                problem,
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
    if unlisted and rules and not offer.provider.self_hosted:
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
