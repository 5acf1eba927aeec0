"""Holds a call over many rows to its budgets: its own, the session's, and that of the day.

A row reserves before it is sent what its like took so far, and gives back at its end what it did
not take. Where a row takes more than it reserved and a budget is reached while others run, all but
the oldest stop. So a budget is never passed by more than what one row costs.

To everything else that counts towards the budget of a session or a day, the call is one turn in
flight. Its claim on the day's budget is written for several rows at once, so that a row seldom
waits for the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from decimal import Decimal

from ..core.events import ContentDelta, Event, ReasoningDelta, ToolCallDelta, UsageReport
from ..core.i18n import tr
from ..core.turn import Notice, Turn
from ..core.usage import Usage, estimate_tokens_exact
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from ..session.amounts import WARN_AT, Amount, parse_amount
from ..session.budget_guard import LEAST_OUTPUT
from ..session.budgets import DAY, limits_of
from ..session.ledger import entries_of
from ..session.limits import Limit, amount_text, cost_of, unapplied
from ..session.notebook import hooks
from ..session.reservations import DayClaim, Share, in_flight, longest_output
from ..session.spending import Spending
from ..session.store import Store, current_store

MARGIN = 2
"""A row reserves so many times the output of the longest reply so far."""
AT_ONCE = 16
"""Rows for which a part of the day's budget is claimed together, where there is room for them."""


def row_budget(own: str | None, name: str) -> RowBudget:
    """Return what holds a call over rows to its budgets.

    Parameters
    ----------
    own : str, optional
        What its rows may take together.
    name : str
        What the sums show in place of a session's name.

    Raises
    ------
    InvalidValueError
        It is no amount.
    """
    amount, store = parse_amount(own) if own else None, current_store()
    conversation = getattr(hooks().session(), "conversation", None)
    spending = Spending(name, conversation.id if conversation is not None else "")
    limits = limits_of("call", amount, spending.run, conversation, store)
    return RowBudget(spending, limits, store)


class RowBudget:
    """What the rows of one call may take together, and take.

    Rows are reserved and settled on the I/O thread; the sums are read from others, too.

    Parameters
    ----------
    spending : Spending
        Takes the sums.
    limits : sequence of Limit
        The budgets.
    store : Store, optional
        Where other kernels see what the call holds of the day's budget.
    """

    def __init__(
        self, spending: Spending, limits: Sequence[Limit] = (), store: Store | None = None
    ) -> None:
        self.spending, self.run = spending, spending.run
        self.scopes: Collection[Hashable] = (spending.session, DAY)
        self._limits = limits
        self._running = in_flight.get()
        self._shares: list[RowShare] = []
        """Of the rows in flight, the oldest first."""
        self._longest = 0
        """Tokens of output of the longest reply so far."""
        self._warned: set[str] = set()
        self._deciding = asyncio.Lock()
        """Held by the row that looks for room."""
        self._day = next((limit for limit in limits if limit.of == "day"), None)
        self._claimed = Decimal(0)
        """What the call may take of the day's budget without another look at the disk."""
        self._elsewhere: dict[str, Decimal] = {}
        """What other kernels hold of the day's budget, by run."""
        self._claim = self._claim_at(store)

    def _claim_at(self, store: Store | None) -> DayClaim | None:
        day = self._day
        if day is None or store is None:
            return None
        amount = day.amount
        return DayClaim(self.run, amount, store, lambda: max(self._claimed, self.held(amount)))

    def check(self, call: PreparedRequest) -> list[Notice]:
        """Refuse a call whose costs a budget cannot be held against; return notices on the others.

        Raises
        ------
        InvalidValueError
            The price is not known, or is in another currency.
        """
        return [notice for limit in self._limits for notice in unapplied(limit, call)]

    async def reserve(self, call: PreparedRequest) -> RowShare | Limit:
        """Return the share of a row that may be sent, or the budget that has no room for it now."""
        share = RowShare(self, call, self._expected(call))
        async with self._deciding:
            await self._claim_for(share)
            for limit in self._limits:
                if not self._fits(share, limit):
                    await self._leave()
                    return limit
            self._shares.append(share)
            self._running.add(self)
        return share

    def _expected(self, call: PreparedRequest) -> int:
        """Return how many tokens of output a row reserves."""
        usual = MARGIN * self._longest if self._longest else LEAST_OUTPUT
        return min(usual, longest_output(call) or usual)

    async def _claim_for(self, share: RowShare) -> None:
        """Let other kernels see that a row is about to take a part of the day's budget."""
        day, claim = self._day, self._claim
        if day is None or claim is None:
            return
        held, needs = self.held(day.amount), share.held(day.amount)
        if held + needs <= self._claimed:
            return
        self._elsewhere = await claim.enter()
        day.reread()
        self._claimed = held + max(Decimal(0), min(AT_ONCE * needs, self._room(day)))
        await claim.decide()

    async def _leave(self) -> None:
        """Claim nothing where no row is in flight: two kernels must not wait for each other."""
        if self._claim is None or self._shares:
            return
        await asyncio.to_thread(self.spending.write)
        await self._claim.leave()
        self._claimed = Decimal(0)

    def _fits(self, share: RowShare, limit: Limit) -> bool:
        """Whether a row may be sent: it has room, or its input has and nothing else runs."""
        room = self._room(limit)
        is_alone = not self.awaits(limit)
        return share.held(limit.amount) <= room or (is_alone and share.least(limit.amount) <= room)

    def _room(self, limit: Limit) -> Decimal:
        """Return what a budget has left beside all that is taken and reserved."""
        others, elsewhere = self._others(limit), self._held_elsewhere(limit)
        held = sum((other.held(limit.amount) for other in (*others, self)), Decimal(0))
        settled = limit.settled((*self._running.runs(), *elsewhere, self.run))
        return limit.amount.number - settled - held - sum(elsewhere.values(), Decimal(0))

    def _others(self, limit: Limit) -> list[Share]:
        return [share for share in self._running.of(limit.scope) if share is not self]

    def _held_elsewhere(self, limit: Limit) -> dict[str, Decimal]:
        here = self._running.runs()
        held = self._elsewhere if limit is self._day else {}
        return {run: amount for run, amount in held.items() if run not in here}

    def awaits(self, limit: Limit) -> bool:
        """Whether something of a budget is reserved that may be given back."""
        others = any(other.has_reserved for other in self._others(limit))
        return bool(self._shares or others or self._held_elsewhere(limit))

    async def change(self) -> None:
        """Wait until a row or another turn ends, or for a moment."""
        await self._running.change()

    def wake(self) -> None:
        """Let the rows that wait look again."""
        self._running.wake()

    def close(self) -> None:
        """Give back what is reserved: every row has ended."""
        self.spending.write(lasting=True)
        self._running.remove(self)
        if self._claim is not None:
            self._claim.end()

    # ---- what the guards of other turns ask ------------------------------------------------------

    @property
    def is_unsent(self) -> bool:
        """Always False: rows are sent as soon as they have reserved something."""
        return False

    @property
    def has_reserved(self) -> bool:
        """Whether rows are in flight."""
        return bool(self._shares)

    def taken(self, amount: Amount) -> Decimal:
        """Return how much in that unit the rows have taken."""
        running = sum((share.taken(amount) for share in list(self._shares)), Decimal(0))
        return self.spending.spent(amount) + running

    def held(self, amount: Amount) -> Decimal:
        """Return how much in that unit the rows have taken, and have reserved beyond that."""
        running = sum((share.held(amount) for share in list(self._shares)), Decimal(0))
        return self.spending.spent(amount) + running

    # ---- what a row asks -------------------------------------------------------------------------

    def reactions(self, share: RowShare) -> Iterator[Reaction]:
        """Yield a warning near the end of a budget, and a stop at it unless the row is the oldest.

        The oldest row comes to its end: what it has taken so far would be lost.
        """
        for limit in self._limits:
            others = sum((o.taken(limit.amount) for o in self._others(limit)), Decimal(0))
            settled = limit.settled((*self._running.runs(), self.run))
            spent = settled + others + self.taken(limit.amount)
            used = amount_text(limit, spent)
            if spent >= limit.amount.number and self._shares[:1] != [share]:
                text = tr("stopped: {budget} is used up (≈{used})", budget=limit.name, used=used)
                yield Reaction(Notice("budget", text), stop=True)
                return
            if spent >= WARN_AT * limit.amount.number and limit.of not in self._warned:
                self._warned.add(limit.of)
                text = tr(
                    "80 % or more of {budget} is used (≈{used})", budget=limit.name, used=used
                )
                yield Reaction(Notice("budget-near", text))

    @property
    def is_limited(self) -> bool:
        """Whether there is any budget."""
        return bool(self._limits)

    @property
    def limits(self) -> Sequence[Limit]:
        """The budgets."""
        return self._limits

    def count(self, call: PreparedRequest, turn: Turn) -> None:
        """Count what a row took that reserved nothing here."""
        self.spending.add(entries_of(self.run, "", turn, call.size, call.offer.price))

    def settle(self, share: RowShare, turn: Turn) -> None:
        """Give back what a row reserved, and count what it took."""
        call = share.call
        entries = list(entries_of(self.run, "", turn, call.size, call.offer.price))
        self._longest = max(self._longest, sum(entry.usage.output or 0 for entry in entries))
        self.spending.add(entries)
        self._shares.remove(share)
        self.wake()


class RowShare:
    """Observer of one row's turn: what it has reserved, and what it has taken.

    Parameters
    ----------
    budget : RowBudget
        What it is a share of.
    call : PreparedRequest
        The row's first request.
    output : int
        Tokens of output that it reserves.
    """

    def __init__(self, budget: RowBudget, call: PreparedRequest, output: int) -> None:
        self.call = call
        self._budget = budget
        self._reserved = Usage(call.size.input, output)
        self._before: list[tuple[PreparedRequest, Usage]] = []
        """The requests that have ended, and what they took."""
        self._request: PreparedRequest | None = None
        """The request that runs."""
        self._arrived = 0.0
        """Estimated tokens of output."""
        self._reported = Usage()
        self._was_stopped = False

    def least(self, amount: Amount) -> Decimal:
        """Return what its input alone takes."""
        return _of(amount, self.call, Usage(self.call.size.input, 0))

    def taken(self, amount: Amount) -> Decimal:
        """Return how much it has taken so far."""
        return sum((_of(amount, *part) for part in (*self._before, *self._now())), Decimal(0))

    def held(self, amount: Amount) -> Decimal:
        """Return how much it has reserved, or taken where that is more."""
        return max(_of(amount, self.call, self._reserved), self.taken(amount))

    def _now(self) -> Iterator[tuple[PreparedRequest, Usage]]:
        """Yield the request that runs, and what it has taken so far."""
        request, reported = self._request, self._reported
        if request is not None:
            input_ = request.size.input if reported.input is None else reported.input
            output = max(round(self._arrived), reported.output or 0)
            yield request, Usage(input_, output, reported.cached)

    def on_request(self, request: PreparedRequest) -> None:
        """Count from here on what this request takes."""
        self._before += self._now()
        self._request, self._arrived, self._reported = request, 0.0, Usage()

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """Count what arrived; stop where a budget is reached and others are about to end."""
        if not self._budget.is_limited:
            return
        for event in events:
            match event:
                case ReasoningDelta(text) | ContentDelta(text):
                    self._arrived += estimate_tokens_exact(text)
                case ToolCallDelta():
                    self._arrived += estimate_tokens_exact(event.arguments)
                case UsageReport(usage):
                    self._reported = usage
        if self._was_stopped:
            return
        for reaction in self._budget.reactions(self):
            self._was_stopped = reaction.stop
            yield reaction

    def on_end(self, turn: Turn) -> None:
        """Leave the sums to `RowBudget.settle`."""
        self._budget.settle(self, turn)


def _of(amount: Amount, call: PreparedRequest, usage: Usage) -> Decimal:
    """Return how much of an amount's unit a request takes; nothing where a tape answers."""
    return amount.of(usage, cost_of(call, usage)) if call.is_live else Decimal(0)
