"""What earlier turns bring into a later prompt's context, and which leave when it is full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError
from ..core.messages import Message
from ..core.price import MILLION, format_money
from ..core.turn import Notice
from ..core.usage import TOKENS_PER_MESSAGE, TokenEstimate, estimate
from ..engine.prepared import PreparedRequest
from .slots import Slot

ROOM_FOR_ANSWER = 4096
"""Tokens that are left for the reply where the user set no ``max_tokens``; at most a quarter."""
DOUBT = 0.75
"""A size that was never compared with the provider's own count may be too high by so much."""
STEPS = 4
"""Turns leave by quarters of the limit, so that what is sent begins the same for many turns and
the provider's cache is hit."""


def context_of(slots: Iterable[Slot]) -> list[Message]:
    """Return the messages that slots bring into a later prompt's context."""
    return [message for slot in slots if slot.is_sent for message in slot.current.messages]


def input_limit(offer: Offer, parameters: Mapping[str, Any]) -> int | None:
    """Return how many tokens of input a model takes; ``None`` where it is not known."""
    wanted = parameters.get("max_tokens") or parameters.get("max_completion_tokens")
    limits = [offer.max_input] if offer.max_input else []
    if offer.context:
        spare = wanted if isinstance(wanted, int) else min(ROOM_FOR_ANSWER, offer.context // 4)
        limits.append(max(0, offer.context - spare))
    return min(limits) if limits else None


def fit_context(
    call: PreparedRequest, before: Sequence[Slot], scale: float | None
) -> PreparedRequest:
    """Return a call whose input the model takes; the oldest unpinned turns leave first.

    Parameters
    ----------
    call : Call
        The call with every turn in its context; its size is not calibrated yet.
    before : sequence of Slot
        The slots before the prompt, sent or not.
    scale : float or None
        Tokens that the provider counted for each estimated one; ``None``: it has counted none yet.

    Raises
    ------
    InvalidValueError
        The prompt alone, with what is pinned, cannot fit.
    """
    factor = scale or 1.0
    size = TokenEstimate(round(factor * call.size.input), factor)
    call = replace(call, size=size)
    limit = input_limit(call.offer, call.request.parameters)
    if limit is None or size.input <= limit:
        return call
    own = call.offer.provider.name if _preserves(call) else ""
    sizes = {slot.id: _tokens(slot, size, own) for slot in before if slot.is_sent}
    loose = [slot for slot in before if slot.is_sent and not slot.pinned]
    fixed = size.input - sum(sizes[slot.id] for slot in loose)
    if fixed * (1.0 if scale else DOUBT) > limit:
        raise _too_long(call, fixed, limit, pinned=len(loose) < len(sizes))
    leaving = _evict_count([sizes[slot.id] for slot in loose], size.input - limit, limit)
    return _without(call, before, loose[:leaving], sum(sizes[s.id] for s in loose[:leaving]), limit)


def _preserves(call: PreparedRequest) -> bool:
    """Whether reasoning of earlier turns goes back."""
    preserve = call.request.preserve
    return call.offer.is_coding_plan if preserve is None else preserve


def _tokens(slot: Slot, size: TokenEstimate, own: str) -> int:
    """Return the size of a slot's messages; of its reasoning as well where it is `own`."""
    counts = (
        TOKENS_PER_MESSAGE
        + estimate(message.content)
        + sum(estimate(call.name + call.arguments) for call in message.tool_calls)
        + (estimate(message.reasoning) if message.reasoning_from == own else 0)
        for message in slot.current.messages
    )
    return round(size.scale * sum(counts))


def reasoning_notice(call: PreparedRequest) -> tuple[Notice, ...]:
    """Return what the reasoning that goes back with a call costs, if any does."""
    own = call.offer.provider.name if _preserves(call) else None
    messages = [m for m in call.request.messages if m.reasoning and m.reasoning_from == own]
    tokens = sum(call.size.tokens(message.reasoning) for message in messages)
    if not tokens:
        return ()
    price = call.offer.price
    tier = price.tier(call.size.input) if price else None
    money = (
        f", ≈{format_money(tokens * tier.input / MILLION, price.currency)}"
        if price and tier
        else ""
    )
    said = f"reasoning of earlier turns goes back: ≈{tokens:,} tokens of this input{money}"
    return (Notice("preserved", said),)


def _evict_count(sizes: Sequence[int], excess: int, limit: int) -> int:
    """Return how many of the oldest turns leave."""
    step = max(1, limit // STEPS)
    count = gone = 0
    while count < len(sizes) and gone < excess:
        gone += sizes[count]
        count += 1
    boundary = -(-gone // step) * step
    while count < len(sizes) and gone + sizes[count] <= boundary:
        gone += sizes[count]
        count += 1
    return count


def _without(
    call: PreparedRequest, before: Sequence[Slot], left: Sequence[Slot], tokens: int, limit: int
) -> PreparedRequest:
    """Return the call without the turns that leave, and with a notice that says which."""
    model = call.offer.model.id
    if not left:
        said = f"the input may be longer than the {limit:,} tokens that {model} takes here"
        return replace(call, notices=(*call.notices, Notice("tight", said)))
    messages = call.request.messages
    head = messages[: len(messages) - len(context_of(before)) - 1]
    kept = context_of(slot for slot in before if slot not in left)
    said = (
        f"the oldest of the context did not fit and was left out: {_numbers(before, left)},"
        f" ≈{tokens:,} tokens; {model} takes {limit:,} here"
    )
    shorter = call.with_request(messages=(*head, *kept, messages[-1]))
    return replace(shorter, notices=(*call.notices, Notice("left-out", said)))


def _numbers(before: Sequence[Slot], left: Sequence[Slot]) -> str:
    numbers = [before.index(slot) + 1 for slot in left]
    if len(numbers) == 1:
        return f"turn {numbers[0]}"
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"turns {numbers[0]} to {numbers[-1]}"
    return f"turns {', '.join(map(str, numbers))}"


def _too_long(call: PreparedRequest, tokens: int, limit: int, *, pinned: bool) -> InvalidValueError:
    what = "the prompt and the pinned turns take" if pinned else "the prompt takes"
    return InvalidValueError(
        f"{what} ≈{tokens:,} tokens; {call.offer.model.id} at {call.offer.provider.name} takes"
        f" {limit:,}, so nothing was sent",
        hint="shorten it, "
        + ("unpin turns with %glm pin N, " if pinned else "")
        + "or choose a model with a longer context",
        provider=call.offer.provider.name,
    )
