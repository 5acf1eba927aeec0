"""The verbs about money and tokens: usage, budget.

Tables of what was used and what it cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ...catalogue.schema import Offer
from ...core.errors import InvalidValueError, UnavailableError
from ...core.price import SYMBOLS, Price
from ...engine.reply import rows_to_frame
from ...session import budgets
from ...session.amounts import TOKENS, Amount, parse_amount
from ...session.ledger import Entry, Total, day_of, grouped
from ..display import Displayable, Paragraph, Table, Value
from ..workspace import Workspace
from .arguments import one_of
from .registry import verb

_COUNTS = ("calls", "input", "cached", "output", "reasoning", "cost")

NOTE = "Cached tokens are part of the input, reasoning is part of the output; ≈ marks estimates."


def entries(desk: Workspace) -> list[Entry]:
    """Return every call of this kernel's sessions."""
    return [entry for session in desk.conversations for entry in session.entries]


def by(
    found: Iterable[Entry], names: Sequence[str], key: Callable[[Entry], tuple[str, ...]]
) -> Displayable:
    """Return sums of calls under these names."""
    calls = list(found)
    rows = [
        (*labels[: len(names)], *_row(total))
        for labels, total in grouped(calls, lambda e: (*key(e), e.currency)).items()
    ]
    note = f"Together: {Total.of(calls).cost}. {NOTE}{_free(calls)}"
    return Table((*names, *_COUNTS), rows, note=note)


def _row(total: Total) -> tuple[Any, ...]:
    usage = total.usage
    counts = (usage.input, usage.cached, usage.output, usage.reasoning)
    shown = (_about(count) if total.estimated else count for count in counts)
    return (total.calls, *shown, str(total.cost))


def _about(count: int | None) -> str | None:
    return None if count is None else f"≈{count:,}"


def turns(desk: Workspace) -> Displayable:
    """Return each call of the session in use, in order."""
    rows = []
    for entry in desk.session.entries:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
        cost = str(entry.cost) if entry.cost else None
        usage = entry.usage
        counts = (usage.input, usage.cached, usage.output, usage.reasoning)
        shown = (_about(count) if entry.estimated else count for count in counts)
        rows.append((at, entry.provider, entry.model, *shown, cost))
    columns = ("at", "provider", "model", *_COUNTS[1:])
    return Table(columns, rows, f"Session {desk.session_name}", NOTE)


def _free(calls: Iterable[Entry]) -> str:
    """Say what is left of the free quota of each model that was asked at Model Studio."""
    quota = budgets.quota()
    if quota is None:
        return ""
    models = sorted({e.model for e in calls if budgets.has_free_quota(e.provider)})
    every = budgets.all_entries()
    left = ", ".join(f"{model} {quota.left(model, every):,}" for model in models)
    return f" Free tokens left since {quota.since}: {left or 'not touched'}; costs are list prices."


def prices(desk: Workspace) -> Displayable:
    """Return the price of each model that was asked, with date and source."""
    asked = {(entry.provider, entry.model) for entry in entries(desk)}
    call = desk.session.plan("…", desk.asked(), start_local=False)
    asked.add((call.offer.provider.name, call.offer.model.id))
    known = desk.catalogue
    rows: list[tuple[Any, ...]] = []
    for provider, model in sorted(asked):
        offer = known.offers.get((provider, model))
        rows += _price_rows(desk, offer) if offer else [(model, provider, "", *[None] * 3, "", "")]
    columns = ("model", "provider", "input tokens", "in", "cached", "out", "checked", "source")
    note = "Prices are for a million tokens, in the billed currency; n/a: not known."
    return Table(columns, rows, note=note)


def _price_rows(desk: Workspace, offer: Offer) -> list[tuple[Any, ...]]:
    price, name = offer.price, (offer.model.id, offer.provider.name)
    if price is None:
        return [(*name, "", None, None, None, "", "")]
    source = desk.catalogue.sources.get(price.source)
    where = f"{source.title} {source.url}".strip() if source else price.source
    return [
        (*name, _span(price, at), *_money(price, at), price.checked.isoformat(), where)
        for at in range(len(price.tiers))
    ]


def _span(price: Price, at: int) -> str:
    tier = price.tiers[at]
    above = tier.above if tier.above is not None else (price.tiers[at - 1].up_to if at else None)
    low = f"over {above:,}" if above else ""
    high = f"up to {tier.up_to:,}" if tier.up_to else ""
    return " ".join(filter(None, (low, high))) or "any"


def _money(price: Price, at: int) -> list[str | None]:
    tier, symbol = price.tiers[at], SYMBOLS.get(price.currency, f"{price.currency} ")
    amounts: list[Decimal | None] = [tier.input, tier.cached, tier.output]
    return [None if amount is None else f"{symbol}{amount.normalize():f}" for amount in amounts]


def rows(found: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return calls as rows of a DataFrame."""
    return [
        {
            "at": entry.at,
            "day": entry.day,
            "session": entry.session,
            "provider": entry.provider,
            "model": entry.model,
            "input": entry.usage.input,
            "cached": entry.usage.cached,
            "output": entry.usage.output,
            "reasoning": entry.usage.reasoning,
            "estimated": entry.estimated,
            "cost": entry.cost.amount if entry.cost else None,
            "currency": entry.currency or None,
        }
        for entry in found
    ]


OFF = "off"

HOW = one_of(("turns", "day", "all", "plot", "frame", "prices"))


@verb(
    "usage",
    "tokens and cost so far, by session, provider and model; or by day, by turn, of all that "
    "is on disk; as a plot or a DataFrame; or the prices, with date and source",
    "",
    "HOW",
    HOW=HOW,
)
def usage(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Show tokens and cost so far."""
    if words:
        return _FORMS[words[0]](desk)
    names = ("session", "provider", "model")
    return by(entries(desk), names, lambda e: (e.session, e.provider, e.model))


def _days(_: Workspace) -> Displayable:
    found = budgets.all_entries()
    return by(found, ("day", "provider", "model"), lambda e: (e.day, e.provider, e.model))


def _all(_: Workspace) -> Displayable:
    names = ("session", "provider", "model")
    return by(budgets.all_entries(), names, lambda e: (e.session, e.provider, e.model))


def _frame(desk: Workspace) -> Displayable:
    return Value(rows_to_frame(rows(entries(desk))))


def _plot(desk: Workspace) -> Displayable:
    """Return a plot of the session's tokens over its calls."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UnavailableError(
            "a plot needs matplotlib, which is not installed", hint="pip install matplotlib"
        ) from None
    found = desk.session.entries
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    places = list(range(1, len(found) + 1))
    stacks = _stacks(found)
    bottom = [0] * len(found)
    for name, counts in stacks.items():
        axes.bar(places, counts, bottom=bottom, label=name)
        bottom = [low + count for low, count in zip(bottom, counts, strict=True)]
    axes.set(xlabel="call", ylabel="tokens", title=f"Session {desk.session_name}", xticks=places)
    axes.legend()
    return Drawing(figure)


def _stacks(found: Sequence[Entry]) -> dict[str, list[int]]:
    """Return the height of each part of each bar; parts do not overlap."""
    counts = [(e.usage.input or 0, e.usage.cached or 0, e.usage.output or 0, e.usage.reasoning or 0)
              for e in found]  # fmt: skip
    return {
        "cached input": [cached for _, cached, _, _ in counts],
        "input": [read - cached for read, cached, _, _ in counts],
        "reasoning": [thought for _, _, _, thought in counts],
        "answer": [written - thought for _, _, written, thought in counts],
    }


class Drawing(Value):
    """A figure of matplotlib, shown as a picture."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        import base64
        import io

        picture = io.BytesIO()
        self.value.savefig(picture, format="png", dpi=110)
        data = base64.b64encode(picture.getvalue()).decode()
        return {"image/png": data, "text/plain": self.text()}


_FORMS: dict[str, Callable[[Workspace], Displayable]] = {
    "turns": turns,
    "day": _days,
    "all": _all,
    "plot": _plot,
    "frame": _frame,
    "prices": prices,
}


@verb(
    "budget",
    "limits of money or tokens for this session and for a day (¥5, $0.10, 200k); Model "
    "Studio's free quota, counted down from a day on",
    "[AMOUNT]",
    "off",
    "day AMOUNT",
    "day off",
    "quota AMOUNT [DATE]",
    "quota off",
)
def budget(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Show the budgets, or set one."""
    match list(words):
        case []:
            return _budgets(desk)
        case ["off"]:
            desk.session.set_budget(None)
        case ["day", amount]:
            budgets.put(budgets.DAY, None if amount == OFF else parse_amount(amount).written)
        case ["quota", *rest]:
            budgets.set_quota(None if rest == [OFF] else _quota(rest))
        case [amount]:
            desk.session.set_budget(parse_amount(amount))
    return _budgets(desk)


def _quota(words: Sequence[str]) -> budgets.Quota:
    amount = parse_amount(words[0])
    if amount.unit != TOKENS:
        raise InvalidValueError("a free quota is in tokens", hint="write %glm budget quota 1M")
    since = words[1] if len(words) > 1 else day_of(time.time())
    try:
        date.fromisoformat(since)
    except ValueError:
        raise InvalidValueError(
            f"{since} is no day", hint="write it as 2026-11-21, the day the quota began"
        ) from None
    return budgets.Quota(int(amount.number), since)


def _budgets(desk: Workspace) -> Displayable:
    rows: list[tuple[Any, ...]] = []
    session, day, quota = desk.session.budget, budgets.day_budget(), budgets.quota()
    if session:
        rows.append(_used(f"session {desk.session_name}", session, desk.session.entries))
    today = day_of(time.time())
    if day:
        rows.append(
            _used(f"today, {today}", day, [e for e in budgets.all_entries() if e.day == today])
        )
    if quota:
        rows += _quota_rows(desk, quota)
    if not rows:
        return Paragraph(
            "No budget is set: %glm budget ¥5, %glm budget day 200k, %%glm --budget 0.10CNY."
        )
    return Table(("budget", "limit", "used", "left"), rows)


def _used(name: str, amount: Amount, found: Sequence[Entry]) -> tuple[str, ...]:
    spent = amount.spent(found)
    left = max(Decimal(0), amount.number - spent)
    shown = (Amount(_short(number), amount.unit) for number in (spent, left))
    mark = "≈" * any(entry.estimated for entry in found)
    return (name, str(amount), *(f"{mark}{item}" for item in shown))


def _short(number: Decimal) -> Decimal:
    rounded = number.quantize(Decimal("0.000001")).normalize()
    return rounded if rounded.as_tuple().exponent < 0 else rounded.quantize(Decimal(1))  # type: ignore[operator]


def _quota_rows(desk: Workspace, quota: budgets.Quota) -> list[tuple[str, ...]]:
    """Return what is left of the free quota, which each model has for itself."""
    found = budgets.all_entries()
    asked = {e.model for e in found if budgets.has_free_quota(e.provider)}
    free = [info for info in desk.catalogue.providers.values() if info.free_quota_days]
    models = sorted(asked) or [o.model.id for o in desk.catalogue.of_provider(free[0].name)][:1]
    ends = date.fromordinal(date.fromisoformat(quota.since).toordinal() + free[0].free_quota_days)
    return [
        (
            f"free quota of {model}, {quota.since} to {ends}",
            f"{quota.tokens:,} tokens",
            f"{quota.tokens - quota.left(model, found):,}",
            f"{quota.left(model, found):,} tokens",
        )
        for model in models
    ]
