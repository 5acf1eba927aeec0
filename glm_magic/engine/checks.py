"""What can be known before anything is sent: the kinds of the keywords, and what an offer refuses.

A request that is known not to work is refused here, with a hint, rather than by the provider. The
rules of the parameters come from the catalogue, where each has its source.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..catalogue.load import catalogue
from ..catalogue.lookup import able, without_thinking
from ..catalogue.parameters import ParameterRule
from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError, UnsupportedError
from ..core.i18n import Text, tr
from ..core.messages import PRESETS, Message, Request
from ..core.secret import Secret
from ..core.thinking import EFFORT_LEVELS, Thinking, thinking_of
from .attachments import check_attachments


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value that a keyword of the Python API takes."""

    name: Text
    accepts: Callable[[Any], bool]


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_duration(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0


def is_count(value: Any) -> bool:
    """Whether a value is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


TEXT = Kind(tr("a string"), lambda value: isinstance(value, str))
KEY = Kind(tr("a string"), lambda value: isinstance(value, (str, Secret)))
THINKING = Kind(
    tr('True, False, "auto" or an effort level'), lambda value: isinstance(value, (bool, str))
)
LIST = Kind(tr("a list"), _is_sequence)
NAMES = Kind(tr("a list of names"), _is_sequence)
COUNT = Kind(tr("a whole number of at least 1"), is_count)
COUNT_OR_SWITCH = Kind(
    tr("True, False or a whole number of at least 1"),
    lambda value: isinstance(value, bool) or is_count(value),
)
APPROVAL = Kind(
    tr("True, False or a function"), lambda value: isinstance(value, bool) or callable(value)
)
SWITCH = Kind(tr("True or False"), lambda value: isinstance(value, bool))
DURATION = Kind(tr("a positive number of seconds"), _is_duration)
MAPPING = Kind(tr("a dict with names as keys"), _is_mapping)


ROOM_FOR_ANSWER = 4096
"""Tokens that are left for the reply where the user set no ``max_tokens``; at most a quarter."""

RESERVED = ("model", "messages", "input", "stream", "parameters")
"""Body keys that the caller may not set as parameters."""


def check_request(
    offer: Offer,
    messages: Sequence[Message],
    *,
    thinking: Thinking = None,
    parameters: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
) -> Request:
    """Check a request against what the offer can do, and return it.

    Raises
    ------
    InvalidValueError
        The prompt is empty, or a value is out of the catalogue's range.
    UnsupportedError
        The model or provider cannot do it.
    """
    last = messages[-1] if messages else Message("user")
    if not (last.content.strip() or last.attachments or last.tool_call_id):
        raise InvalidValueError(
            tr("the prompt is empty"),
            hint=tr("write the question under the %%glm line, or after %glm"),
        )
    _check_ending(offer, last, parameters or {})
    check_attachments(last, offer)
    for tool in tools:
        check_json(tr("a tool"), tool)
    return Request(
        model=offer.model.id,
        messages=tuple(messages),
        thinking=checked_thinking(thinking, offer),
        parameters=checked_parameters(parameters or {}, offer),
        tools=tuple(tools),
    )


PREFIX_PARAMETERS = ("partial", "prefix", "continue_final_message")
"""Body keys by which servers are asked to go on with an assistant's message that stands last."""


def _check_ending(offer: Offer, last: Message, parameters: Mapping[str, Any]) -> None:
    """Refuse a reply that was begun for the model, where it would not go on with it."""
    is_begun = last.role == "assistant"
    is_asked = any(parameters.get(name) for name in PREFIX_PARAMETERS)
    if offer.prefix == "no" and (is_begun or is_asked):
        # a conversation that ends so without more is wrong at any provider
        kind = UnsupportedError if is_asked else InvalidValueError
        raise kind(
            tr(
                "{model} at {provider} does not go on with a reply that was begun for it",
                model=offer.model.id,
                provider=offer.provider.title,
            ),
            hint=tr(
                "these do: {names}; or end with a message from the user",
                names=", ".join(able(catalogue(), "prefix", near=offer.provider.name)),
            ),
            provider=offer.provider.name,
        )
    if is_begun and not is_asked:
        raise InvalidValueError(
            tr("a conversation must end with a message from the user"),
            hint=tr('add {{"role": "user", "content": …}} as the last one'),
        )


def checked_thinking(thinking: Thinking, offer: Offer) -> Thinking:
    """Return what is asked for thinking, in the provider's terms.

    Raises
    ------
    InvalidValueError
        It is not a level.
    UnsupportedError
        The model or provider cannot do it.
    """
    if isinstance(thinking, str):
        thinking = thinking_of(thinking.strip().lower())
    if thinking is None or thinking is True or thinking == "auto":
        return thinking
    provider = offer.provider
    if thinking is False:
        if not offer.thinking_off:
            raise UnsupportedError(
                tr("{model} always thinks; thinking cannot be switched off", model=offer.model.id),
                hint=_less_thinking(offer),
                provider=provider.name,
            )
        return False
    levels = offer.effort or provider.effort
    if thinking not in levels:
        raise _no_level(str(thinking), levels, offer)
    return thinking


def _less_thinking(offer: Offer) -> Text:
    """Return how to have less thinking here: by a level, or by a model that is served and can."""
    level = next(iter(offer.effort or offer.provider.effort), None)
    able = without_thinking(catalogue(), offer)
    if able and level:
        return tr(
            "use --think {level} for the least of it, or a model that can: -m {model}",
            level=level,
            model=able.id,
        )
    if able:
        return tr("choose a model that can: -m {model}", model=able.id)
    if level:
        return tr("use --think {level} for the least of it", level=level)
    return tr("leave --no-think out")


def _no_level(
    level: str, levels: tuple[str, ...], offer: Offer
) -> InvalidValueError | UnsupportedError:
    if level not in EFFORT_LEVELS:
        return InvalidValueError(
            tr("thinking takes on, off, auto or a level, not {level!r}", level=level),
            hint=tr("levels are {levels}", levels=", ".join(levels or EFFORT_LEVELS)),
        )
    return UnsupportedError(
        tr(
            "{model} at {provider} has no thinking level {level!r}",
            model=offer.model.id,
            provider=offer.provider.title,
            level=level,
        ),
        hint=tr("levels here are {levels}", levels=", ".join(levels))
        if levels
        else tr("use --think on or --no-think"),
        provider=offer.provider.name,
    )


def checked_parameters(parameters: Mapping[str, Any], offer: Offer) -> dict[str, Any]:
    """Return the parameters, each checked against the provider's rule for it.

    Raises
    ------
    InvalidValueError
        A value is out of range, has no form in JSON, or is not the caller's to set.
    UnsupportedError
        The provider refuses the parameter.
    """
    rules = offer.provider.parameters
    _check_limits(parameters, offer)  # first: a model's limit is narrower than the provider's
    for name, value in parameters.items():
        if name in RESERVED:
            raise InvalidValueError(
                tr("{name!r} is not a parameter", name=name), hint=tr("other options set it")
            )
        rule = rules.get(name)
        if rule is not None and not (value is None and name in PRESETS):
            _check_parameter(rule, value, parameters, offer)
        check_json(name, value)
    return dict(parameters)


def _check_parameter(
    rule: ParameterRule, value: Any, parameters: Mapping[str, Any], offer: Offer
) -> None:
    provider = offer.provider
    problem = rule.problem(value)
    if problem and rule.refused:
        hint = tr("leave {name} out ({provider})", name=rule.name, provider=provider.title)
        raise UnsupportedError(problem, hint=hint, provider=provider.name)
    if problem:
        raise InvalidValueError(problem, hint=_change(rule.name, offer), provider=provider.name)
    if rule.requires and not parameters.get(rule.requires):
        raise InvalidValueError(
            tr("{name} has no effect without {other}", name=rule.name, other=rule.requires),
            hint=tr("add --param {other}=true", other=rule.requires),
        )


def _change(name: str, offer: Offer) -> Text:
    return tr(
        "leave {name} out, or change it ({provider})", name=name, provider=offer.provider.title
    )


def _check_limits(parameters: Mapping[str, Any], offer: Offer) -> None:
    """Refuse a length that this model does not have at this provider."""
    answer, reasoning = offer.max_answer, offer.max_reasoning
    both = answer + reasoning if answer and reasoning else None
    # Where no longest reply is known it is the context, less one token of prompt at least.
    room = offer.context - 1 if offer.context else None
    limits = {
        "max_tokens": offer.max_output or answer or room,
        "max_completion_tokens": offer.max_output or both or room,
        "thinking_budget": reasoning,
    }
    for name, limit in limits.items():
        value = parameters.get(name)
        if limit is not None and isinstance(value, int) and value > limit:
            raise InvalidValueError(
                tr(
                    "{name} can be at most {limit:,} for {model}, not {value:,}",
                    name=name,
                    limit=limit,
                    model=offer.model.id,
                    value=value,
                ),
                hint=_change(name, offer),
                provider=offer.provider.name,
            )


def input_limit(offer: Offer, parameters: Mapping[str, Any]) -> int | None:
    """Return how many tokens of input a model takes; ``None`` where it is not known."""
    output = parameters.get("max_tokens") or parameters.get("max_completion_tokens")
    limits = [offer.max_input] if offer.max_input else []
    if offer.context:
        spare = output if isinstance(output, int) else min(ROOM_FOR_ANSWER, offer.context // 4)
        limits.append(max(0, offer.context - spare))
    return min(limits) if limits else None


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
            tr(
                "{name} cannot be sent: {value} has no form in JSON",
                name=name,
                value=repr(value)[:60],
            ),
            hint=tr("use texts, finite numbers, true, false, null, lists and dicts of these"),
        ) from None
