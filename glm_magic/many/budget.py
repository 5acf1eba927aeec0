"""Holds a call over many rows to its budget, whatever is in flight.

A row reserves before it is sent what its like took so far, and gives back at its end what it did
not take. Where a row takes more than it reserved and the budget is reached while others run, all
but the oldest stop. So a budget is never passed by more than what one row costs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from decimal import Decimal

from ..core.events import ContentDelta, Event, ReasoningDelta, ToolCallDelta, UsageReport
from ..core.i18n import tr
from ..core.turn import Notice, Turn
from ..core.usage import Usage, estimate_tokens_exact
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from ..session.amounts import Amount
from ..session.budget_guard import LEAST_OUTPUT
from ..session.ledger import entries_of
from ..session.limits import Limit, cost_of, unapplied
from ..session.reservations import longest_output

MARGIN = 2
"""A row reserves so many times the output of the longest reply so far."""


class RowBudget:
    """What the rows of one call may take together; used from two threads.

    Parameters
    ----------
    amount : Amount, optional
        ``None``: any amount.
    """

    def __init__(self, amount: Amount | None) -> None:
        self.amount = amount
        self._lock = threading.Lock()
        self._settled = Decimal(0)
        self._shares: list[RowShare] = []
        """Of the rows in flight, the oldest first."""
        self._longest = 0
        """Tokens of output of the longest reply so far."""

    def check(self, call: PreparedRequest) -> list[Notice]:
        """Refuse a call whose costs the budget cannot be held against.

        Raises
        ------
        InvalidValueError
            The price is not known, or is in another currency.
        """
        if self.amount is None:
            return []
        return unapplied(Limit("call", self.amount, "call", lambda _: self._settled), call)

    def reserve(self, call: PreparedRequest) -> RowShare | None:
        """Return the share of a row that may be sent; ``None``: there is no room for it now."""
        with self._lock:
            share = RowShare(self, call, self._expected(call))
            if self.amount is not None:
                used = self._settled + sum((s.held for s in self._shares), Decimal(0))
                alone = not self._shares and used + share.least <= self.amount.number
                if used + share.held > self.amount.number and not alone:
                    return None
            self._shares.append(share)
            return share

    def _expected(self, call: PreparedRequest) -> int:
        """Return how many tokens of output a row reserves."""
        usual = MARGIN * self._longest if self._longest else LEAST_OUTPUT
        return min(usual, longest_output(call) or usual)

    @property
    def is_idle(self) -> bool:
        """Whether no row is in flight."""
        return not self._shares

    def must_stop(self, share: RowShare) -> bool:
        """Whether the budget is reached, and an older row than this one is in flight."""
        with self._lock:
            if self.amount is None or self._shares[:1] == [share]:
                return False
            taken = sum((s.taken for s in self._shares), self._settled)
            return taken >= self.amount.number

    def settle(self, share: RowShare, turn: Turn) -> None:
        """Give back what a row reserved, and count what it took."""
        call = share.call
        entries = list(entries_of("", "", turn, call.size, call.offer.price))
        with self._lock:
            self._shares.remove(share)
            outputs = [entry.usage.output or 0 for entry in entries]
            self._longest = max(self._longest, sum(outputs))
            if self.amount is not None:
                self._settled += self.amount.spent(entries)


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
        self.was_stopped = False
        """Whether it was stopped for the budget."""
        self._budget = budget
        self._before = Decimal(0)
        self._request: PreparedRequest | None = None
        """The request that runs."""
        self._arrived = 0.0
        """Estimated tokens of output."""
        self._reported = Usage()
        self._reserved = self._price(call, output)
        self.least = self._price(call, 0)
        """What its input alone takes."""

    def _price(self, call: PreparedRequest, output: int, input_: int | None = None) -> Decimal:
        usage = Usage(call.size.input if input_ is None else input_, output)
        amount = self._budget.amount
        return amount.of(usage, cost_of(call, usage)) if amount else Decimal(0)

    @property
    def taken(self) -> Decimal:
        """How much it has taken so far."""
        if self._request is None:
            return self._before
        output = max(round(self._arrived), self._reported.output or 0)
        return self._before + self._price(self._request, output, self._reported.input)

    @property
    def held(self) -> Decimal:
        """How much it has reserved, or taken where that is more."""
        return max(self._reserved, self.taken)

    def on_request(self, request: PreparedRequest) -> None:
        """Count from here on what this request takes."""
        self._before = self.taken
        self._request, self._arrived, self._reported = request, 0.0, Usage()

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """Count what arrived; stop where the budget is reached and others are about to end."""
        if self._budget.amount is None:
            return []
        for event in events:
            match event:
                case ReasoningDelta(text) | ContentDelta(text):
                    self._arrived += estimate_tokens_exact(text)
                case ToolCallDelta():
                    self._arrived += estimate_tokens_exact(event.arguments)
                case UsageReport(usage):
                    self._reported = usage
        if self.was_stopped or not self._budget.must_stop(self):
            return []
        self.was_stopped = True
        text = tr("stopped: the budget of {amount} is used up", amount=str(self._budget.amount))
        return [Reaction(Notice("budget", text), stop=True)]

    def on_end(self, turn: Turn) -> None:
        """Leave the sums to `RowBudget.settle`."""
        self._budget.settle(self, turn)
