"""Whether a prompt, and the reply that it asks for, have room in a model's context.

Every way to ask checks it before anything is sent. Which turns of a conversation leave to make room
is decided in `session.context`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from .prepared import PreparedRequest

ROOM_FOR_ANSWER = 4096
"""Tokens that are left for the reply where the user set no ``max_tokens``; at most a quarter."""
UNCALIBRATED_MARGIN = 0.75
"""An estimate that was never compared with the provider's own count may be this much too high."""


def input_limit(offer: Offer, parameters: Mapping[str, Any]) -> int | None:
    """Return how many tokens of input a model takes; ``None`` where it is not known."""
    output = parameters.get("max_tokens") or parameters.get("max_completion_tokens")
    limits = [offer.max_input] if offer.max_input else []
    if offer.context:
        spare = output if isinstance(output, int) else min(ROOM_FOR_ANSWER, offer.context // 4)
        limits.append(max(0, offer.context - spare))
    return min(limits) if limits else None


def fits(tokens: int, limit: int, scale: float | None) -> bool:
    """Whether an input of so many tokens can fit; an estimate gets the benefit of its doubt.

    Parameters
    ----------
    tokens : int
        The input, estimated.
    limit : int
        What the model takes.
    scale : float or None
        What the estimate was calibrated by; ``None``: by nothing yet.
    """
    return tokens * (1.0 if scale else UNCALIBRATED_MARGIN) <= limit


def check_alone(call: PreparedRequest) -> PreparedRequest:
    """Return a request of its own, without a conversation, whose input the model takes.

    Raises
    ------
    InvalidValueError
        The input, or the length of the reply that was asked for, cannot fit.
    """
    limit = input_limit(call.offer, call.request.parameters)
    if limit is not None and call.size.input > limit:
        check_room(call)
        if not fits(call.size.input, limit, None):
            raise too_long(call, call.size.input, limit, pinned=False)
    return call


def check_room(call: PreparedRequest) -> None:
    """Refuse a reply so long that not even the prompt alone has room beside it.

    Raises
    ------
    InvalidValueError
        The prompt would fit, were it not for the length of the reply that was asked for.
    """
    offer, parameters = call.offer, call.request.parameters
    prompt = call.size.tokens(call.request.messages[-1].content)
    for name in ("max_tokens", "max_completion_tokens"):
        length = parameters.get(name)
        if not isinstance(length, int) or offer.context is None:
            continue
        room = offer.context - prompt
        if 0 < room < length:
            raise InvalidValueError(
                tr(
                    "{name} is {length:,}; with a prompt of ≈{tokens:,} tokens {model} at"
                    " {provider} has room for ≈{room:,}",
                    name=name,
                    length=length,
                    tokens=prompt,
                    model=offer.model.id,
                    provider=offer.provider.name,
                    room=room,
                ),
                hint=tr("make {name} smaller, or leave it out", name=name),
                provider=offer.provider.name,
            )


def too_long(call: PreparedRequest, tokens: int, limit: int, *, pinned: bool) -> InvalidValueError:
    """Return the error of an input that is longer than the model takes."""
    provider = call.offer.provider.name
    values = {"tokens": tokens, "model": call.offer.model.id, "provider": provider, "limit": limit}
    if pinned:
        return InvalidValueError(
            tr(
                "the prompt and the pinned turns take ≈{tokens:,} tokens; {model} at {provider}"
                " takes {limit:,}, so nothing was sent",
                **values,
            ),
            hint=tr(
                "shorten it, unpin turns with %glm pin N, or choose a model with a longer context"
            ),
            provider=provider,
        )
    return InvalidValueError(
        tr(
            "the prompt takes ≈{tokens:,} tokens; {model} at {provider} takes {limit:,}, so"
            " nothing was sent",
            **values,
        ),
        hint=tr("shorten it, or choose a model with a longer context"),
        provider=provider,
    )
