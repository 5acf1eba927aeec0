"""Estimates the price of a reply while it streams, and stops it where a budget ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ..core.errors import InvalidValueError
from ..core.events import ContentDelta, Event, ReasoningDelta, ToolCallDelta, UsageReport
from ..core.i18n import Text, tr
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
    def name(self) -> Text:
        """The budget, as messages name it."""
        amount = str(self.amount)
        if self.of == "cell":
            return tr("the cell's budget of {amount}", amount=amount)
        if self.of == "session":
            return tr("the session's budget of {amount}", amount=amount)
        return tr("the day's budget of {amount}", amount=amount)


class BudgetGuard:
    """Observer of a stream that holds one turn to its budgets.

    The estimate is compared with the budgets after each network chunk, so that a budget is passed
    by one chunk's estimate at most.

    Parameters
    ----------
    limits : sequence of Limit
        The budgets.
    """

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = list(limits)
        self._lock = threading.Lock()
        self._call: PreparedRequest | None = None
        self._planned: PreparedRequest | None = None
        self._before: list[tuple[Usage, Cost | None]] = []
        self._reported = Usage()
        self._unreported_tokens = 0.0
        """Estimated output since the reported output last grew."""
        self._warned: set[str] = set()
        self._pending_notices: list[Notice] = []
        """Notices about a later request of the turn; they are shown with its reply."""
        self._stopped = False

    def check(self, call: PreparedRequest) -> list[Notice]:
        """Refuse a request whose input alone would pass a budget; return notices about the others.

        Raises
        ------
        InvalidValueError
            It would pass one, or the budget cannot be applied because the price is not known.
        """
        notices = [notice for limit in self._limits for notice in _foreign(limit, call)]
        usage = Usage(call.size.input, 0)
        for limit in self._limits:
            spent = limit.spent() + self._taken(limit.amount)
            more = limit.amount.of(usage, _cost(call, usage))
            if spent + more > limit.amount.number or spent >= limit.amount.number:
                raise _refusal(limit, spent, more, later=bool(self._before))
            notices += self._warning(limit, spent + more)
        self._planned = call
        return notices

    # The guards of other lanes call the next two, which take no lock: two guards that ask each
    # other must not wait for each other.

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
        """Refuse a request that would pass a budget."""
        with self._lock:
            if self._call is not None:
                self._before.append(self._now())
                self._call, self._unreported_tokens, self._reported = None, 0.0, Usage()
                self._pending_notices += self.check(request)
            self._call = request

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """Count what arrived, warn near the end of a budget, and stop at it."""
        with self._lock:
            for event in events:
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
            pending, self._pending_notices = self._pending_notices, []
            reactions = () if self._stopped else self._reactions()
            return [*map(Reaction, pending), *reactions]

    def on_end(self, turn: Turn) -> None:
        """Leave the sums to the ledger."""

    def _reactions(self) -> Iterator[Reaction]:
        for limit in self._limits:
            spent = limit.spent() + self._taken(limit.amount)
            if spent >= limit.amount.number:
                self._stopped = True
                used = _amount(limit, spent)
                text = tr("stopped: {budget} is used up (≈{used})", budget=limit.name, used=used)
                yield Reaction(Notice("budget", text), stop=True)
                return
            yield from (Reaction(notice) for notice in self._warning(limit, spent))

    def _warning(self, limit: Limit, spent: Decimal) -> list[Notice]:
        if limit.of in self._warned or spent < WARN_AT * limit.amount.number:
            return []
        self._warned.add(limit.of)
        used = _amount(limit, spent)
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
        return usage, _cost(call, usage)


def _cost(call: PreparedRequest, usage: Usage) -> Cost | None:
    price = call.offer.price
    cost = price.cost(usage) if price else None
    return replace(cost, estimated=True) if cost else None


def _foreign(limit: Limit, call: PreparedRequest) -> list[Notice]:
    """Return a notice that a budget of money does not apply to a request, or refuse it."""
    amount, offer = limit.amount, call.offer
    if amount.unit == TOKENS or (offer.price and offer.price.currency == amount.unit):
        return []
    model, provider, budget = offer.model.id, offer.provider.name, limit.name
    currency = offer.price.currency if offer.price else None
    # Where nothing is charged, as on the user's machine, a budget of money need not be applied.
    # A cell's budget was written for exactly this request, so it is never passed over.
    refused = limit.of == "cell" or (currency is None and not offer.provider.self_hosted)
    if currency is None and refused:
        raise InvalidValueError(
            tr(
                "{model} at {provider} has no known price, so {budget} cannot be applied;"
                " nothing was sent",
                model=model,
                provider=provider,
                budget=budget,
            ),
            hint=tr("write it in tokens, such as 20k, or {removal}", removal=_removal(limit)),
        )
    if refused:
        raise InvalidValueError(
            tr(
                "{model} at {provider} is billed in {currency}, so {budget} cannot be applied;"
                " nothing was sent",
                model=model,
                provider=provider,
                currency=currency,
                budget=budget,
            ),
            hint=tr(
                "write it in {currency}, or {removal}", currency=currency, removal=_removal(limit)
            ),
        )
    if currency is None:
        text = tr(
            "{model} at {provider} has no known price: {budget} does not apply to it",
            model=model,
            provider=provider,
            budget=budget,
        )
    else:
        text = tr(
            "{model} at {provider} is billed in {currency}: {budget} does not apply to it",
            model=model,
            provider=provider,
            currency=currency,
            budget=budget,
        )
    return [Notice("budget-foreign", text)]


def _refusal(limit: Limit, spent: Decimal, more: Decimal, *, later: bool) -> InvalidValueError:
    values = {
        "budget": limit.name,
        "used": _amount(limit, spent),
        "more": _amount(limit, more),
    }
    if later:
        message = tr(
            "{budget} would be passed: ≈{used} used so far, and going on takes ≈{more} at least;"
            " the turn ends here",
            **values,
        )
    else:
        message = tr(
            "{budget} would be passed: ≈{used} used so far, and the prompt alone takes ≈{more};"
            " nothing was sent",
            **values,
        )
    if limit.of == "cell":
        return InvalidValueError(message, hint=tr("raise --budget"))
    return InvalidValueError(message, hint=tr("raise it, or {removal}", removal=_removal(limit)))


def _removal(limit: Limit) -> Text:
    """Return how a budget is taken away."""
    if limit.of == "cell":
        return tr("leave out --budget")
    if limit.of == "session":
        return tr("remove it: %glm budget off")
    return tr("remove it: %glm budget day off")


def _amount(limit: Limit, number: Decimal) -> str:
    places = Decimal(1) if limit.amount.unit == TOKENS else Decimal("0.000001")
    rounded = number.quantize(places).normalize()
    return str(Amount(rounded, limit.amount.unit))
