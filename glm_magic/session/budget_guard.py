"""Watches a reply and its price while it streams, and stops it where a budget ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ..core.errors import InvalidValueError
from ..core.events import ContentDelta, Event, ReasoningDelta, ToolCallDelta, UsageReport
from ..core.price import Cost
from ..core.turn import Notice, Turn
from ..core.usage import Usage, estimate_tokens_exact
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from .amounts import TOKENS, WARN_AT, Amount


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget that holds for a call."""

    of: str
    """Whose budget it is: cell, session or day."""
    amount: Amount
    spent: Callable[[], Decimal]
    """How much of it everything but this turn has taken."""

    @property
    def name(self) -> str:
        """The budget in words."""
        return f"the {self.of}'s budget of {self.amount}"


class BudgetGuard:
    """Holds one turn to its budgets; an observer of its stream.

    The estimate is compared with the budgets after each network chunk, so that a budget is passed
    by one chunk's estimate at most.

    Parameters
    ----------
    limits : sequence of Limit
        The budgets.
    learn : callable
        Takes a call's size as it was estimated and its input as it was reported.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        learn: Callable[[PreparedRequest, int], None] = lambda _call, _tokens: None,
    ) -> None:
        self._limits = list(limits)
        self._learn = learn
        self._lock = threading.Lock()
        self._call: PreparedRequest | None = None
        self._planned: PreparedRequest | None = None
        self._before: list[tuple[Usage, Cost | None]] = []
        self._told = Usage()
        self._written = 0.0
        """What was written since the reported output last grew, by the estimate."""
        self._warned: set[str] = set()
        self._due: list[Notice] = []
        """What was found out before a later request of the turn, and is told with its reply."""
        self._stopped = False

    def check(self, call: PreparedRequest) -> list[Notice]:
        """Refuse a call whose input alone would pass a budget; return what is worth saying.

        Raises
        ------
        InvalidValueError
            It would, or the budget cannot be held because the price is not known.
        """
        notices = []
        for limit in self._limits:
            notice = _foreign(limit, call)
            notices += [notice] if notice else []
        usage = Usage(call.size.input, 0)
        for limit in self._limits:
            spent, more = (
                limit.spent() + self._taken(limit.amount),
                limit.amount.of(usage, _cost(call, usage)),
            )
            if spent + more > limit.amount.number or spent >= limit.amount.number:
                raise _refusal(limit, spent, more, later=bool(self._before))
            notices += self._warning(limit, spent + more)
        self._planned = call
        return notices

    # The next two are asked by the meters of other lanes, and take no lock: two that ask each other
    # must not wait for each other.

    def waiting(self, amount: Amount) -> Decimal:
        """Return how much in that unit a turn will take that was checked and not yet sent."""
        planned = self._planned
        if self._call is not None or self._before or planned is None:
            return Decimal(0)
        usage = Usage(planned.size.input, 0)
        return amount.of(usage, _cost(planned, usage))

    def taken(self, amount: Amount) -> Decimal:
        """Return how much in that unit this turn has taken, or is about to."""
        return self.waiting(amount) + self._taken(amount)

    def on_request(self, request: PreparedRequest) -> None:
        """See a call that is about to be sent; refuse it where a budget would be passed."""
        with self._lock:
            if self._call is not None:
                self._before.append(self._now())
                self._call, self._written, self._told = None, 0.0, Usage()
                self._due += self.check(request)
            self._call = request

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """Count what came, warn near the end of a budget, and stop at it."""
        with self._lock:
            for event in events:
                match event:
                    case ReasoningDelta(text) | ContentDelta(text):
                        self._written += estimate_tokens_exact(text)
                    case ToolCallDelta():
                        self._written += estimate_tokens_exact(event.arguments)
                    case UsageReport(usage):
                        before = self._told.output or 0
                        if (usage.output or 0) > before:
                            self._written = 0.0
                        self._told = replace(usage, output=max(before, usage.output or 0))
            due, self._due = [Reaction(notice) for notice in self._due], []
            return [*due, *(self._remarks() if not self._stopped else ())]

    def on_end(self, turn: Turn) -> None:
        """Learn from what was reported."""
        reported = turn.steps[-1].usage if turn.steps else None
        if self._call is not None and reported is not None and reported.input:
            self._learn(self._call, reported.input)

    def _remarks(self) -> Iterator[Reaction]:
        for limit in self._limits:
            spent = limit.spent() + self._taken(limit.amount)
            if spent >= limit.amount.number:
                self._stopped = True
                used = f"is used up (≈{_amount(limit, spent)})"
                yield Reaction(Notice("budget", f"stopped: {limit.name} {used}"), stop=True)
                return
            yield from (Reaction(notice) for notice in self._warning(limit, spent))

    def _warning(self, limit: Limit, spent: Decimal) -> list[Notice]:
        if limit.of in self._warned or spent < WARN_AT * limit.amount.number:
            return []
        self._warned.add(limit.of)
        said = f"80 % or more of {limit.name} is used (≈{_amount(limit, spent)})"
        return [Notice("budget-near", said)]

    def _taken(self, amount: Amount) -> Decimal:
        """Return how much in that unit this turn has taken so far."""
        parts = [*self._before, self._now()]
        return sum((amount.of(usage, cost) for usage, cost in parts), Decimal(0))

    def _now(self) -> tuple[Usage, Cost | None]:
        """Return what the running call has taken: as reported, and by the estimate since then."""
        call = self._call
        if call is None:
            return Usage(0, 0), None
        size, told = call.size, self._told
        output = (told.output or 0) + round(size.scale * self._written)
        usage = Usage(size.input if told.input is None else told.input, output, told.cached)
        return usage, _cost(call, usage)


def _cost(call: PreparedRequest, usage: Usage) -> Cost | None:
    price = call.offer.price
    cost = price.cost(usage) if price else None
    return replace(cost, estimated=True) if cost else None


def _foreign(limit: Limit, call: PreparedRequest) -> Notice | None:
    """Say that a budget of money cannot hold this call, or refuse it."""
    amount, offer = limit.amount, call.offer
    if amount.unit == TOKENS or (offer.price and offer.price.currency == amount.unit):
        return None
    where = f"{offer.model.id} at {offer.provider.name}"
    why = f"is billed in {offer.price.currency}" if offer.price else "has no known price"
    if limit.of == "cell" or (offer.price is None and not offer.provider.self_hosted):
        other = f"in {offer.price.currency}" if offer.price else "in tokens, such as 20k"
        raise InvalidValueError(
            f"{where} {why}, so {limit.name} cannot be held; nothing was sent",
            hint=f"write it {other}, or {_away(limit)}",
        )
    return Notice("budget-foreign", f"{where} {why}: {limit.name} does not hold it")


def _refusal(limit: Limit, spent: Decimal, more: Decimal, *, later: bool) -> InvalidValueError:
    used, next_ = _amount(limit, spent), _amount(limit, more)
    return InvalidValueError(
        f"{limit.name} would be passed: ≈{used} used so far, and going on takes ≈{next_} at least;"
        " the turn ends here"
        if later
        else f"{limit.name} would be passed: ≈{used} used so far, and the prompt alone takes"
        f" ≈{next_}; nothing was sent",
        hint="raise --budget" if limit.of == "cell" else f"raise it, or {_away(limit)}",
    )


def _away(limit: Limit) -> str:
    """Say how a budget is taken away."""
    if limit.of == "cell":
        return "leave --budget out"
    day = limit.of == "day"
    return "take it away: %glm budget day off" if day else "take it away: %glm budget off"


def _amount(limit: Limit, number: Decimal) -> str:
    places = Decimal(1) if limit.amount.unit == TOKENS else Decimal("0.000001")
    rounded = number.quantize(places).normalize()
    return str(Amount(rounded, limit.amount.unit))
