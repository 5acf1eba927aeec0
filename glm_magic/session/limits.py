"""A budget that holds for a call, and the words in which it refuses one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, replace
from decimal import Decimal

from ..core.errors import InvalidValueError
from ..core.i18n import Text, tr
from ..core.price import Cost
from ..core.turn import Notice
from ..core.usage import Usage
from ..engine.prepared import PreparedRequest
from .amounts import TOKENS, Amount


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget that holds for a call."""

    of: str
    """Whose budget it is: cell, call, session or day."""
    amount: Amount
    scope: Hashable
    """What calls have in common that count towards it."""
    settled: Callable[[Collection[str]], Decimal]
    """How much of it was taken by every run but those of these ids."""
    reread: Callable[[], object] = lambda: None
    """Looks at the disk again. Whoever has read what other kernels hold must do so after that: a
    turn that has ended since then holds nothing, and is in what was taken."""

    @property
    def name(self) -> Text:
        """The budget, as messages name it."""
        amount = str(self.amount)
        if self.of == "cell":
            return tr("the cell's budget of {amount}", amount=amount)
        if self.of == "call":
            return tr("the call's budget of {amount}", amount=amount)
        if self.of == "session":
            return tr("the session's budget of {amount}", amount=amount)
        return tr("the day's budget of {amount}", amount=amount)


def cost_of(call: PreparedRequest, usage: Usage) -> Cost | None:
    """Return what a request with that usage costs, as an estimate; ``None``: not known."""
    price = call.offer.price
    cost = price.cost(usage) if price else None
    return replace(cost, estimated=True) if cost else None


def unapplied(limit: Limit, call: PreparedRequest) -> list[Notice]:
    """Return a notice that a budget of money does not apply to a request, or refuse it.

    Raises
    ------
    InvalidValueError
        What the request costs is not known, or is billed in another currency.
    """
    amount, offer = limit.amount, call.offer
    if amount.unit == TOKENS:
        return []
    model, provider, budget = offer.model.id, offer.provider.name, limit.name
    cost = cost_of(call, Usage(call.size.input, 0))
    currency = cost.currency if cost else None
    if currency == amount.unit:
        return []
    # Where nothing is charged, as on the user's machine, a budget of money need not be applied.
    # One that was written for exactly this request is never passed over.
    refused = limit.of in ("cell", "call") or (currency is None and not offer.provider.self_hosted)
    if currency is None and offer.price is not None:
        raise InvalidValueError(
            tr(
                "{model} at {provider} has no known price for a prompt of ≈{tokens:,} tokens, so"
                " {budget} cannot be applied; nothing was sent",
                model=model,
                provider=provider,
                tokens=call.size.input,
                budget=budget,
            ),
            hint=tr("write it in tokens, such as 20k, or {removal}", removal=_removal(limit)),
        )
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


def refusal(limit: Limit, spent: Decimal, more: Decimal, *, later: bool) -> InvalidValueError:
    """Return the error for a request that would pass a budget."""
    values = {
        "budget": limit.name,
        "used": amount_text(limit, spent),
        "more": amount_text(limit, more),
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


def waiting_for(limit: Limit) -> Text:
    """Return what a request says that has to wait for others to end."""
    return tr(
        "waiting: requests that run now have reserved the rest of {budget}", budget=limit.name
    )


def _removal(limit: Limit) -> Text:
    """Return how a budget is taken away."""
    if limit.of == "cell":
        return tr("leave out --budget")
    if limit.of == "call":
        return tr("leave out budget (--budget)")
    if limit.of == "session":
        return tr("remove it: %glm budget off")
    return tr("remove it: %glm budget day off")


def amount_text(limit: Limit, number: Decimal) -> str:
    """Return a part of a budget in its unit, rounded as it is shown."""
    places = Decimal(1) if limit.amount.unit == TOKENS else Decimal("0.000001")
    rounded = number.quantize(places).normalize()
    return str(Amount(rounded, limit.amount.unit))
