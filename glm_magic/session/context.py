"""What earlier turns bring into a later prompt's context, how large it is, and what has to leave.

The size of a request is estimated, and the estimate is learnt from what the provider reports. Turns
leave by quarters of the model's limit rather than one by one: what is sent then begins with the
same messages for many turns, and the provider's prompt cache is hit. A notice says which turns were
left out; pinned ones never are.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..core.events import Event
from ..core.i18n import Text, tr
from ..core.messages import Message
from ..core.price import MILLION, format_money
from ..core.turn import Notice, Turn
from ..core.usage import TOKENS_PER_MESSAGE, TokenEstimate, estimate
from ..dialects.attachments import Shown
from ..engine.checks import input_limit
from ..engine.prepared import PreparedRequest, check_room, fits, too_long
from ..engine.turn_builder import Reaction
from .slots import Slot, sent_of
from .statements import Statement, insert
from .store import Store

REMEMBERED = 20
"""A scale is learnt from this many of the last calls."""
LOWEST, HIGHEST = 0.25, 4.0
"""Bounds: a report beyond them says more about the report than about the text."""
FEWEST = 30
"""Estimated tokens below which a call is ignored: the chat template would outweigh it."""


class TokenCalibration:
    """Scales by provider and model; they are saved with the sessions."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int, int]]] = {}
        self._lock = threading.Lock()

    def learn(
        self, provider: str, model: str, estimated: float, reported: int, store: Store | None
    ) -> None:
        """Add the input tokens of a call: as estimated without any scale, and as reported."""
        if estimated < FEWEST or not LOWEST <= reported / estimated <= HIGHEST:
            return
        seen = self._known(provider, model, store)
        with self._lock:
            seen.append((round(estimated), reported))
            row = _row(_name(provider, model), list(seen))
        if store is not None:
            store.write([row], lasting=False)

    def scale(self, provider: str, model: str, store: Store | None) -> float | None:
        """Return the scale, or ``None`` where nothing was learnt."""
        seen = self._known(provider, model, store)
        with self._lock:
            estimated, reported = sum(e for e, _ in seen), sum(r for _, r in seen)
        return reported / estimated if estimated else None

    def _known(self, provider: str, model: str, store: Store | None) -> deque[tuple[int, int]]:
        name = _name(provider, model)
        with self._lock:
            if name not in self._seen:
                pairs = _read(store, name) if store is not None else []
                self._seen[name] = deque(pairs, REMEMBERED)
            return self._seen[name]


calibration = TokenCalibration()
"""What this process knows about the providers' counts."""


class CalibrationObserver:
    """Observer of a stream that learns from the input tokens its provider reports."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._request: PreparedRequest | None = None

    def on_request(self, request: PreparedRequest) -> None:
        """Remember the request that is reported on at last."""
        self._request = request

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:  # noqa: ARG002
        """Let every event pass."""
        return ()

    def on_end(self, turn: Turn) -> None:
        """Compare the last request's estimated size with the provider's own count."""
        usage = turn.steps[-1].usage if turn.steps else None
        request = self._request
        if request is None or usage is None or not usage.input or not request.size.scale:
            return
        provider, model = request.offer.provider.name, request.offer.model.id
        estimated = request.size.input / request.size.scale
        calibration.learn(provider, model, estimated, usage.input, self._store)


def _name(provider: str, model: str) -> str:
    return f"scale {provider}/{model}"


def _row(name: str, pairs: list[tuple[int, int]]) -> Statement:
    return insert("setting", {"name": name, "value": json.dumps(pairs)}, update=["value"])


def _read(store: Store, name: str) -> list[tuple[int, int]]:
    rows = store.read("SELECT value FROM setting WHERE name = ?", (name,))
    return [(estimated, reported) for estimated, reported in json.loads(rows[0][0])] if rows else []


EVICTION_STEPS = 4
"""Turns leave by quarters of the limit, see the module's docstring."""


def context_of(slots: Iterable[Slot]) -> list[Message]:
    """Return the messages that slots bring into a later prompt's context."""
    return [message for variant in sent_of(slots) for message in variant.messages]


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
    shown = Shown(call.request.messages, call.offer)
    sizes = {slot.id: _tokens(slot, size, provider, shown) for slot in before if slot.is_sent}
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


def _tokens(slot: Slot, size: TokenEstimate, provider: str, shown: Shown) -> int:
    """Return the size of a slot's messages, with the reasoning that goes back to a provider."""
    counts = (
        TOKENS_PER_MESSAGE
        + estimate(message.content)
        + sum(attachment.tokens for attachment in message.attachments if attachment in shown)
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
    _let_go(left)
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


def _let_go(left: Sequence[Slot]) -> None:
    """Forget the JSON of turns that are hardly ever sent again; it takes as much as they do.

    Those that left with an earlier prompt come first, and have none. The newest turn may have left
    before it was sent at all.
    """
    for slot in reversed(left):
        spelled = [s for message in slot.current.messages for s in message.spelled.values()]
        had_any = [message.let_go() for message in spelled]
        if not any(had_any) and slot is not left[-1]:
            break


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
