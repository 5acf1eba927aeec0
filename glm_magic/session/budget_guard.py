"""Holds a turn to its budgets: reserves before sending, counts what arrives, stops at the end.

A request is sent with a part of each budget reserved for it, and never asks for more output than
that. What it did not take is free again when its reply has ended. So requests that run at the same
time do not pass a budget together, not even where a server shows nothing before the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from ..core.events import (
    ContentDelta,
    Event,
    Finish,
    ReasoningDelta,
    StreamError,
    ToolCallDelta,
    UsageReport,
)
from ..core.finish_reasons import is_at_limit
from ..core.i18n import tr
from ..core.price import Cost
from ..core.turn import Notice, Turn
from ..core.usage import Usage, estimate_tokens_exact
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from .amounts import WARN_AT, Amount
from .limits import Limit, amount_text, cost_of, refusal, unapplied, waiting_for
from .reservations import DayClaim, Reservations, Share, limit_output, longest_output, output_for
from .store import Store

LEAST_OUTPUT = 16_384
"""Tokens of output that a request waits for while others hold the rest of a budget; enough for all
but the longest replies."""


class BudgetGuard:
    """Observer and gate of a stream that holds one turn to its budgets.

    Parameters
    ----------
    run : str
        Id of the run.
    limits : sequence of Limit
        The budgets.
    lanes : sequence of BudgetGuard
        The guards of all lanes of the prompt, this one included.
    scopes : collection
        Every scope that the run counts towards, whether it has a budget or not.
    running : Reservations
        The guards of the runs that this process has in flight.
    store : Store, optional
        Where other kernels see what this turn holds of the day's budget.
    """

    def __init__(
        self,
        run: str,
        limits: Sequence[Limit],
        lanes: Sequence[BudgetGuard],
        scopes: Collection[Hashable],
        *,
        running: Reservations,
        store: Store | None = None,
    ) -> None:
        self.run = run
        self.scopes = scopes
        self._limits = list(limits)
        self._lanes = lanes
        self._running = running
        self._lock = threading.Lock()
        self._planned: PreparedRequest | None = None
        """The first request, until it is sent."""
        self._call: PreparedRequest | None = None
        self._reserved: Usage | None = None
        """What the running request may take in all."""
        self._output: int | None = None
        """Tokens of output that the budgets have for the running request; ``None``: enough."""
        self._limited = False
        """Whether the request that was sent says so."""
        self._before: list[tuple[Usage, Cost | None]] = []
        self._reported = Usage()
        self._unreported_tokens = 0.0
        """Estimated output since the reported output last grew."""
        self._warned: set[str] = set()
        self._stopped = False
        day = next((limit.amount for limit in limits if limit.of == "day"), None)
        self._claim = DayClaim(run, day, store, lambda: self.held(day)) if day and store else None
        self._elsewhere: dict[str, Decimal] = {}

    def check(self, call: PreparedRequest) -> list[Notice]:
        """Refuse a request whose input alone would pass a budget; return notices about the others.

        Raises
        ------
        InvalidValueError
            It would pass one, or the budget cannot be applied because the price is not known.
        """
        notices = [notice for limit in self._limits for notice in unapplied(limit, call)]
        usage = Usage(call.size.input, 0)
        for limit in self._limits:
            spent = self._spent(limit) + self._taken(limit.amount)
            more = limit.amount.of(usage, cost_of(call, usage))
            if spent + more > limit.amount.number or spent >= limit.amount.number:
                raise refusal(limit, spent, more, later=bool(self._before))
            notices += self._warning(limit, spent + more)
        if not self._running.has(self):
            self._planned = call
        return notices

    async def enter(
        self, request: PreparedRequest, tell: Callable[[Notice], None]
    ) -> PreparedRequest:
        """Wait until the budgets have room for a request, and return it with room as its limit.

        Raises
        ------
        InvalidValueError
            It would pass a budget, whatever the running requests will take.
        """
        is_first, waiting = self._planned is not None, False
        with self._lock:
            self._settle()
        while True:
            if self._claim is not None:
                self._elsewhere = await self._claim.enter()
                for limit in self._limits:
                    limit.reread()
            notices = self.check(request)
            for notice in () if is_first or waiting else notices:
                tell(notice)
            blocking = self._reserve(request)
            if blocking is None:
                break
            if self._claim is not None:
                await self._claim.leave()
            if not waiting:
                tell(Notice("budget-wait", waiting_for(blocking)))
            waiting = True
            await self._running.change()
        if self._claim is not None:
            await self._claim.decide()
        if self._output is None:
            return request
        limited = limit_output(request, self._output)
        self._limited = limited is not request
        return limited

    def _reserve(self, request: PreparedRequest) -> Limit | None:
        """Reserve what a request may take; return the budget whose room it has to wait for."""
        longest = longest_output(request)
        least = LEAST_OUTPUT if longest is None else min(LEAST_OUTPUT, longest)
        output = None
        for limit in self._limits:
            tokens = self._share(limit, request)
            if tokens is None:
                continue
            if tokens < least and self._others_reserve(limit):
                return limit
            output = tokens if output is None else min(tokens, output)
        if output is not None and longest is not None and output >= longest:
            output = None
        with self._lock:
            self._planned, self._limited = None, False
            self._output = None if output is None else max(1, output)
            self._reserved = Usage(request.size.input, self._output or longest or 0)
            self._call, self._unreported_tokens, self._reported = request, 0.0, Usage()
        self._running.add(self)
        return None

    def _share(self, limit: Limit, request: PreparedRequest) -> int | None:
        """Return how many tokens of output a budget has for a request; ``None``: any number."""
        held = sum((o.held(limit.amount) for o in self._others(limit)), Decimal(0))
        elsewhere = self._held_elsewhere(limit)
        settled = limit.settled((*self._running.runs(), *elsewhere, self.run))
        held += sum(elsewhere.values(), Decimal(0))
        room = limit.amount.number - settled - held - self._taken(limit.amount)
        tokens = output_for(limit.amount, room, request)
        if tokens is None:
            return None
        unsent = sum(lane.is_unsent for lane in self._lanes)
        share = tokens // max(1, unsent)
        # A budget that other prompts share too is not given to one of them whole.
        is_shared = limit.of != "cell"
        return share // 2 if is_shared and share // 2 >= LEAST_OUTPUT else share

    def _others(self, limit: Limit) -> list[Share]:
        """Return the guards of other turns that count towards a budget and are not settled."""
        lanes: list[Share] = [lane for lane in self._lanes if lane is not self]
        if limit.of == "cell":
            return lanes
        running = self._running.of(limit.scope)
        unsent = [lane for lane in lanes if lane not in running and lane.is_unsent]
        return [share for share in (*running, *unsent) if share is not self]

    def _others_reserve(self, limit: Limit) -> bool:
        """Whether a request of another turn holds something that it will give back.

        The lanes of a prompt begin together, each with its share, and do not wait for each other.
        """
        if self._held_elsewhere(limit):
            return True
        first = not self._before
        others = [o for o in self._others(limit) if not (first and o in self._lanes)]
        return any(other.has_reserved for other in others)

    def _held_elsewhere(self, limit: Limit) -> dict[str, Decimal]:
        """Return what other kernels' running turns hold of a budget, by run."""
        here = self._running.runs()
        held = self._elsewhere if limit.of == "day" else {}
        return {run: amount for run, amount in held.items() if run not in here}

    def _spent(self, limit: Limit) -> Decimal:
        """Return how much of a budget everything but this turn has taken."""
        taken = sum((other.taken(limit.amount) for other in self._others(limit)), Decimal(0))
        return limit.settled((*self._running.runs(), self.run)) + taken

    # The guards of other turns call the next four, which take no lock: two guards that ask each
    # other must not wait for each other.

    @property
    def is_unsent(self) -> bool:
        """Whether the turn was checked, and nothing of it was sent yet."""
        return self._planned is not None

    @property
    def has_reserved(self) -> bool:
        """Whether the turn holds something that it may give back."""
        return self._reserved is not None

    def taken(self, amount: Amount) -> Decimal:
        """Return how much in that unit this turn has taken, or is about to."""
        planned = self._planned
        if planned is not None:
            usage = Usage(planned.size.input, 0)
            return amount.of(usage, cost_of(planned, usage))
        return self._taken(amount)

    def held(self, amount: Amount) -> Decimal:
        """Return how much in that unit this turn has taken, and has reserved beyond that."""
        call, reserved = self._call, self._reserved
        if call is None or reserved is None:
            return self.taken(amount)
        before = sum((amount.of(*part) for part in self._before), Decimal(0))
        now = amount.of(*self._now())
        return before + max(now, amount.of(reserved, cost_of(call, reserved)))

    def on_request(self, request: PreparedRequest) -> None:
        """Count from here on what this request takes."""
        with self._lock:
            self._call = request

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """Count what arrived, warn near the end of a budget, and stop at it."""
        with self._lock:
            for event in events:
                self._count(event)
            return [] if self._stopped else list(self._reactions(events))

    def on_end(self, turn: Turn) -> None:  # noqa: ARG002
        """Give back what is reserved, and leave the sums to the ledger."""
        self._planned = self._reserved = None
        self._running.remove(self)
        if self._claim is not None:
            self._claim.end()

    def _count(self, event: Event) -> None:
        match event:
            case ReasoningDelta(text) | ContentDelta(text):
                self._unreported_tokens += estimate_tokens_exact(text)
            case ToolCallDelta():
                self._unreported_tokens += estimate_tokens_exact(event.arguments)
            case UsageReport(usage):
                before = self._reported.output or 0
                if (usage.output or 0) > before:
                    self._unreported_tokens = 0.0
                self._reported = replace(usage, output=max(before, usage.output or 0))
            case Finish() | StreamError():
                self._reserved = None
                self._running.wake()

    def _settle(self) -> None:
        """Keep what the last request of this turn took; another one follows."""
        if self._call is not None:
            self._before.append(self._now())
        self._call = self._reserved = None

    def _reactions(self, events: Sequence[Event]) -> Iterator[Reaction]:
        for limit in self._limits:
            spent = self._spent(limit) + self._taken(limit.amount)
            if spent >= limit.amount.number:
                self._stopped = True
                used = amount_text(limit, spent)
                text = tr("stopped: {budget} is used up (≈{used})", budget=limit.name, used=used)
                yield Reaction(Notice("budget", text), stop=True)
                return
            yield from (Reaction(notice) for notice in self._warning(limit, spent))
        if self._limited and any(isinstance(e, Finish) and is_at_limit(e.reason) for e in events):
            text = tr(
                "the reply was cut where the budget ended, after {output:,} tokens",
                output=self._output,
            )
            yield Reaction(Notice("budget-length", text))

    def _warning(self, limit: Limit, spent: Decimal) -> list[Notice]:
        if limit.of in self._warned or spent < WARN_AT * limit.amount.number:
            return []
        self._warned.add(limit.of)
        used = amount_text(limit, spent)
        text = tr("80 % or more of {budget} is used (≈{used})", budget=limit.name, used=used)
        return [Notice("budget-near", text)]

    def _taken(self, amount: Amount) -> Decimal:
        parts = [*self._before, self._now()]
        return sum((amount.of(usage, cost) for usage, cost in parts), Decimal(0))

    def _now(self) -> tuple[Usage, Cost | None]:
        """Return what the running request has taken: as reported, and as estimated since then."""
        call = self._call
        if call is None:
            return Usage(0, 0), None
        size, reported = call.size, self._reported
        output = (reported.output or 0) + round(size.scale * self._unreported_tokens)
        input_ = size.input if reported.input is None else reported.input
        usage = Usage(input_, output, reported.cached)
        return usage, cost_of(call, usage)
