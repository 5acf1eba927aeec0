"""A conversation whose turns are what the notebook shows.

The variants of one slot, as a view offers them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from ..catalogue.load import catalogue
from ..core.errors import InvalidValueError
from ..core.messages import Message
from ..core.turn import Turn
from ..engine.keywords import AskKeywords, to_options
from ..engine.options import Options
from ..engine.prepare import prepare
from ..engine.prepared import PreparedRequest
from ..engine.reply import Reply
from ..engine.signature import with_ask_keywords
from ..engine.stream import AsyncStream, Stream
from . import autosave as journals
from . import notebook, repository
from .amounts import Amount
from .budget_guard import BudgetGuard
from .budgets import limits_of
from .calibration import TokenCalibration
from .context import context_of, fit_context, reasoning_notice
from .conversation import Conversation
from .notebook import SlotKey
from .slots import Slot, Variant, basis_of, new_id

DEFAULT = "default"
"""The session that begins afresh in every kernel."""

scales = TokenCalibration()
"""What this process knows about the providers' counts."""


def _learn(call: PreparedRequest, reported: int) -> None:
    """Compare a call's size with its provider's own count."""
    journal, size = journals.current(), call.size
    if size is not None and size.scale:
        offer, raw = call.offer, size.input / size.scale
        store = journal.store if journal else None
        scales.learn(offer.provider.name, offer.model.id, raw, reported, store)


class Session(Conversation):
    """A conversation: each question is answered from the turns before it.

    Asked again from the same notebook cell, a question replaces that cell's own turn and is
    answered from the turns before it. Anywhere else, every question is a new turn.

    Parameters
    ----------
    name : str
        Name of the session; one that is in use goes on with its turns, whoever else asks in it,
        and one that was used before goes on from its turns on disk.
    fresh : bool
        True begins without turns, whatever is on disk under that name.
    **asking
        Options for every turn, the same as those of `glm_magic.ask`; a turn's own win.
    """

    def __init__(
        self, name: str = DEFAULT, *, fresh: bool = False, **asking: Unpack[AskKeywords]
    ) -> None:
        super().__init__(name, to_options(asking))
        if fresh or name == DEFAULT:
            return
        if self._join(name):
            return
        kept = repository.by_name(name)
        if kept is not None:
            repository.fill(self, kept)

    @with_ask_keywords
    def ask(self, prompt: str, **asking: Unpack[AskKeywords]) -> Reply:
        """Ask the next question, and wait for the whole reply.

        Returns
        -------
        Reply
            The answer, the reasoning and what they cost.

        Raises
        ------
        GlmError
            The request was refused or failed; a turn that failed stays visible but is not sent.
        """
        with self.stream(prompt, **asking) as opened:
            opened.wait()
            opened.raise_error()
            return opened.reply

    @with_ask_keywords
    async def aask(self, prompt: str, **asking: Unpack[AskKeywords]) -> Reply:
        """Ask the next question without blocking the event loop.

        Returns
        -------
        Reply
            The answer, the reasoning and what they cost.
        """
        key, options = notebook.slot_key(), self.resolve(to_options(asking))
        async with AsyncStream(lambda: self.open(prompt, options, key)) as opened:
            async for _ in opened:
                pass
            return opened.reply

    @with_ask_keywords
    def stream(self, prompt: str, **asking: Unpack[AskKeywords]) -> Stream:
        """Ask the next question, and read the reply as it arrives.

        Returns
        -------
        Stream
            It takes its place in the session at once; nothing is sent before its block is entered.
        """
        return self.open(prompt, self.resolve(to_options(asking)), notebook.slot_key())

    def resolve(self, options: Options) -> Options:
        """Return options with the session's wherever they set nothing."""
        return Options.layered(catalogue(), options, self.options)

    def open(
        self,
        prompt: str,
        options: Options,
        key: SlotKey | None = None,
        budget: Amount | None = None,
    ) -> Stream:
        """Put a question in the slot of `key`, and return its stream.

        The options are used as they are; `resolve` lays them over the session's.
        """
        return self.open_lanes(prompt, [options], key, budget=budget)[0]

    def open_lanes(
        self,
        prompt: str,
        lanes: Sequence[Options],
        key: SlotKey | None = None,
        slot: Slot | None = None,
        budget: Amount | None = None,
    ) -> list[Stream]:
        """Put a question that is asked in several ways in one slot.

        Every lane is answered from the same turns and becomes a variant; later turns see the
        first.

        Parameters
        ----------
        prompt : str
            The question.
        lanes : sequence of Options
            How to ask it, resolved; one stream each.
        key : SlotKey, optional
            What tells its cell; the slot that has it takes the variants, or a new one.
        slot : Slot, optional
            The slot itself, where there is no key.
        budget : Amount, optional
            What all lanes together may take.

        Raises
        ------
        RefusedError
            The question is known not to work, does not fit, or would pass a budget.
        """
        with self._lock:
            slot = slot or self._slots.find(key)
            basis = basis_of(self._slots.before(slot))
            calls = [self.plan(prompt, options, slot=slot) for options in lanes]
            meters: list[BudgetGuard] = []
            runs = [self._metered(call, budget, meters) for call in calls]
            if slot is None:
                slot = Slot(key)
                self._slots.add(slot)
            slot.budget = budget
            first = len(slot.variants)
            for (id_, stream), options in zip(runs, lanes, strict=True):
                slot.add(Variant(stream, basis, id_, options))
            slot.place = first
            new = slot.variants[first:]
            streams = [variant.stream for variant in new if variant.stream]
            self._asked += new
            try:
                self._begin(slot, new)
            except BaseException:  # an interrupt: nobody will start what nobody was given
                for stream in streams:
                    stream.cancel()
                raise
        return streams

    def _metered(
        self, call: PreparedRequest, budget: Amount | None, beside: list[BudgetGuard]
    ) -> tuple[str, Stream]:
        """Return a stream that its budgets stop, and the id of its run.

        The meters of the lanes `beside` it are counted in, and its own joins them.
        """
        run = new_id()

        def others() -> list[BudgetGuard]:
            return [other for other in beside if other is not meter]

        meter = BudgetGuard(limits_of(self, run, budget, others) if call.is_live else [], _learn)
        notices = meter.check(call)
        beside.append(meter)
        stream = Stream(replace(call, notices=(*call.notices, *notices)))
        stream.observers.append(meter)
        return run, stream

    def _begin(self, slot: Slot, new: Sequence[Variant]) -> None:
        """Let runs that are about to begin be written down as they happen."""
        journal = journals.current()
        if journal is None:
            return
        for variant in new:
            if self.persistent:
                journal.store.write([repository.session_row(self)])
                journal.keep(self.id, self.name, slot, variant)
            else:
                journal.count(self.id, self.name, variant)

    def retry(self) -> Stream:
        """Ask the prompt that ran last once more, in its own slot.

        Raises
        ------
        InvalidValueError
            Nothing was asked yet.
        """
        slot = self._slots.newest()
        if slot is None:
            raise InvalidValueError(
                f"the session {self.name} has no turn yet", hint="ask something first"
            )
        last = slot.variants[-1]
        ways = [self.resolve(last.options or Options())]
        return self.open_lanes(last.turn.prompt, ways, slot=slot, budget=slot.budget)[0]

    def plan(
        self,
        prompt: str,
        options: Options,
        key: SlotKey | None = None,
        *,
        slot: Slot | None = None,
        start_local: bool = True,
    ) -> PreparedRequest:
        """Return the call that a question would send, without asking it."""
        before = self._slots.before(slot or self._slots.find(key))
        messages = [*context_of(before), Message("user", prompt)]
        call = prepare(messages, options, start_local=start_local)
        offer, journal = call.offer, journals.current()
        store = journal.store if journal else None
        fit = fit_context(call, before, scales.scale(offer.provider.name, offer.model.id, store))
        return replace(fit, notices=(*fit.notices, *reasoning_notice(fit)))

    def context(self, key: SlotKey | None = None) -> list[Message]:
        """Return the messages of earlier turns that a question under `key` would be sent with."""
        return context_of(self._slots.before(self._slots.find(key)))

    def fork(self, name: str) -> Session:
        """Return a session of another name that goes on from the same turns."""
        other = Session(name, fresh=True)
        other.options = self.options
        with self._lock:
            other._slots = self._slots.copy()
        other.write_all()
        return other

    def __repr__(self) -> str:
        turns = len(self)
        return f"<Session {self.name!r}: {turns} turn{'' if turns == 1 else 's'}, cost {self.cost}>"


@dataclass(frozen=True, slots=True)
class VariantChoice:
    """Which variant of a slot later turns see; satisfies `views.options.Variants`."""

    session: Session
    slot: Slot
    changed: Callable[[], None] = lambda: None
    """Called when another variant was chosen."""

    @property
    def turns(self) -> Sequence[Turn]:
        """Every variant's turn as it stands now, oldest first."""
        return self.slot.turns

    @property
    def chosen(self) -> int:
        """Place of the variant that later turns see, from 0."""
        return self.slot.place

    def choose(self, place: int) -> None:
        """Let later turns see that variant."""
        self.session.choose(self.slot, place)
        self.changed()
