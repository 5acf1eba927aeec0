"""A question on its way into a conversation: what is sent, its budgets, and the slot it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core.messages import Message
from ..core.turn import Notice
from ..engine.options import Options
from ..engine.prepare import prepare
from ..engine.prepared import PreparedRequest
from ..engine.stream import Stream
from .amounts import Amount
from .budget_guard import BudgetGuard
from .budgets import guard_of
from .context import (
    CalibrationObserver,
    calibration,
    damage_notice,
    fit_context,
    reasoning_notice,
)
from .conversation import Conversation
from .notebook import CellKey
from .slots import Slot, Variant, digest_of_sent, messages_of, new_id, sent_of
from .store import current_store


def plan(
    prompt: str | Message,
    options: Options,
    before: Sequence[Slot],
    sent: Sequence[Variant] | None = None,
    *,
    remarks: tuple[Notice, ...] = (),
    start_local: bool = True,
) -> PreparedRequest:
    """Return the request for a question, with as much of the slots before it as fits.

    The caller may have what the slots are sent as already.
    """
    asked = Message("user", prompt) if isinstance(prompt, str) else prompt
    sent = sent_of(before) if sent is None else sent
    request = prepare([*messages_of(sent), asked], options, start_local=start_local)
    offer = request.offer
    scale = calibration.scale(offer.provider.name, offer.model.id, current_store())
    fit = fit_context(request, before, scale)
    return replace(fit, notices=(*fit.notices, *reasoning_notice(fit), *remarks))


def open_lanes(
    conversation: Conversation,
    prompt: str | Message,
    lanes: Sequence[Options],
    *,
    inherited: Options,
    key: CellKey | None,
    slot: Slot | None,
    budget: Amount | None,
) -> list[Stream]:
    """Put a question in one slot, asked in several ways; see `Session.open_lanes`.

    The caller holds the conversation's lock. A further session of the conversation begins with the
    `inherited` options.
    """
    store = current_store()
    slot = slot or conversation.slots.find(key)
    before = conversation.slots.before(slot)
    sent = sent_of(before)
    digest = digest_of_sent(sent)
    damage, conversation.unread = damage_notice(conversation.unread), 0
    requests = [plan(prompt, options, before, sent, remarks=damage) for options in lanes]
    variants: list[Variant] = []
    guards: list[BudgetGuard] = []
    for planned, options in zip(requests, lanes, strict=True):
        request, run = planned, new_id()
        guard = None
        if request.is_live:
            guard = guard_of(conversation, run, budget, guards, store)
        if guard is not None:
            request = replace(request, notices=(*request.notices, *guard.check(request)))
        stream = Stream(request, guard)
        stream.observers.append(CalibrationObserver(store))
        variants.append(Variant(stream, digest, run, options))
    slot = slot or Slot(key)
    slot.budget = budget
    conversation.options = inherited
    streams = [variant.stream for variant in variants if variant.stream]
    try:
        conversation.add_variants(slot, variants, store)
        by_run = {guard.run: guard for guard in guards}
        for variant in variants:  # after the store: what a turn took is then on disk
            if variant.stream is not None and variant.id in by_run:
                variant.stream.observers.append(by_run[variant.id])
    except BaseException:  # an interrupt: the caller never gets streams to start
        for stream in streams:
            stream.cancel()
        raise
    return streams
