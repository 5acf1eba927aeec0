"""What earlier turns bring into a later prompt's context, and which leave when it is full.

Turns leave by quarters of the model's limit rather than one by one: what is sent then begins with
the same messages for many turns, and the provider's prompt cache is hit. A notice says which turns
were left out; pinned ones never are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..core.i18n import Text, tr
from ..core.messages import Message
from ..core.price import MILLION, format_money
from ..core.turn import Notice
from ..core.usage import TOKENS_PER_MESSAGE, TokenEstimate, estimate
from ..engine.checks import input_limit
from ..engine.prepared import PreparedRequest, check_room, fits, too_long
from .slots import Slot

EVICTION_STEPS = 4
"""Turns leave by quarters of the limit, see the module's docstring."""


def context_of(slots: Iterable[Slot]) -> list[Message]:
    """Return the messages that slots bring into a later prompt's context."""
    return [message for slot in slots if slot.is_sent for message in slot.current.messages]


def fit_context(
    call: PreparedRequest, before: Sequence[Slot], scale: float | None
) -> PreparedRequest:
    """Return a request whose input the model takes; the oldest unpinned turns leave first.

    Parameters
    ----------
    call : PreparedRequest
        The request with every turn in its context; its size is not calibrated yet.
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
    check_room(call)
    provider = call.offer.provider.name if _preserves(call) else ""
    sizes = {slot.id: _tokens(slot, size, provider) for slot in before if slot.is_sent}
    loose = [slot for slot in before if slot.is_sent and not slot.pinned]
    fixed = size.input - sum(sizes[slot.id] for slot in loose)
    if not fits(fixed, limit, scale):
        raise too_long(call, fixed, limit, pinned=len(loose) < len(sizes))
    leaving = _evict_count([sizes[slot.id] for slot in loose], size.input - limit, limit)
    return _without(call, before, loose[:leaving], sum(sizes[s.id] for s in loose[:leaving]), limit)


def _preserves(call: PreparedRequest) -> bool:
    """Whether reasoning of earlier turns goes back."""
    preserve = call.request.preserve
    return call.offer.is_coding_plan if preserve is None else preserve


def _tokens(slot: Slot, size: TokenEstimate, provider: str) -> int:
    """Return the size of a slot's messages, with the reasoning that goes back to a provider."""
    counts = (
        TOKENS_PER_MESSAGE
        + estimate(message.content)
        + sum(estimate(call.name + call.arguments) for call in message.tool_calls)
        + (estimate(message.reasoning) if message.reasoning_from == provider else 0)
        for message in slot.current.messages
    )
    return round(size.scale * sum(counts))


def reasoning_notice(call: PreparedRequest) -> tuple[Notice, ...]:
    """Return a notice of what the reasoning that goes back with a request costs, if any does."""
    provider = call.offer.provider.name if _preserves(call) else None
    messages = [m for m in call.request.messages if m.reasoning and m.reasoning_from == provider]
    tokens = sum(call.size.tokens(message.reasoning) for message in messages)
    if not tokens:
        return ()
    price = call.offer.price
    tier = price.tier(call.size.input) if price else None
    if price is None or tier is None:
        text = tr(
            "reasoning of earlier turns goes back: ≈{tokens:,} tokens of this input", tokens=tokens
        )
    else:
        text = tr(
            "reasoning of earlier turns goes back: ≈{tokens:,} tokens of this input, ≈{money}",
            tokens=tokens,
            money=format_money(tokens * tier.input / MILLION, price.currency),
        )
    return (Notice("preserved", text),)


def _evict_count(sizes: Sequence[int], excess: int, limit: int) -> int:
    """Return how many of the oldest turns leave."""
    step = max(1, limit // EVICTION_STEPS)
    count = freed = 0
    while count < len(sizes) and freed < excess:
        freed += sizes[count]
        count += 1
    boundary = -(-freed // step) * step
    while count < len(sizes) and freed + sizes[count] <= boundary:
        freed += sizes[count]
        count += 1
    return count


def _without(
    call: PreparedRequest, before: Sequence[Slot], left: Sequence[Slot], tokens: int, limit: int
) -> PreparedRequest:
    """Return the request without the turns that leave, and with a notice that names them."""
    model = call.offer.model.id
    if not left:
        text = tr(
            "the input may be longer than the {limit:,} tokens that {model} takes here",
            limit=limit,
            model=model,
        )
        return replace(call, notices=(*call.notices, Notice("tight", text)))
    messages = call.request.messages
    head = messages[: len(messages) - len(context_of(before)) - 1]
    leaving = set(left)
    remaining = context_of(slot for slot in before if slot not in leaving)
    text = tr(
        "the oldest of the context did not fit and was left out: {turns}, ≈{tokens:,} tokens;"
        " {model} takes {limit:,} here",
        turns=_numbers(before, left),
        tokens=tokens,
        model=model,
        limit=limit,
    )
    shorter = call.with_request(messages=(*head, *remaining, messages[-1]))
    return replace(shorter, notices=(*call.notices, Notice("left-out", text)))


def _numbers(before: Sequence[Slot], left: Sequence[Slot]) -> Text:
    places = {slot: place for place, slot in enumerate(before, 1)}
    numbers = [places[slot] for slot in left]
    first, last = numbers[0], numbers[-1]
    if len(numbers) == 1:
        return tr("turn {number}", number=first)
    if last - first == len(numbers) - 1:
        return tr("turns {first} to {last}", first=first, last=last)
    return tr("turns {numbers}", numbers=", ".join(map(str, numbers)))


def damage_notice(unread: int) -> tuple[Notice, ...]:
    """Return a notice of saved replies that are damaged, so that no later prompt is sent them."""
    if not unread:
        return ()
    text = tr("{count} saved replies of this session are damaged", count=unread)
    return (Notice("not-read", text),)
