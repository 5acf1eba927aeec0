"""The verbs about tokens and money: what was used, what it cost, and what the limits are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ...catalogue.schema import Offer
from ...core.errors import InvalidValueError, UnavailableError
from ...core.i18n import Text, joined, plural, tr
from ...core.price import Price, currency_symbol
from ...engine.reply import rows_to_frame
from ...session import budgets
from ...session.amounts import TOKENS, Amount, parse_amount
from ...session.ledger import Entry, Total, cost_of_all, day_of, grouped
from ..display import Displayable, Paragraph, Table, Value
from ..workspace import Workspace
from .arguments import one_of
from .registry import verb

_COUNTS = ("calls", "input", "cached", "output", "reasoning", "cost")

_OFF = "off"

_NOTE = tr(
    "Cached tokens are part of the input, reasoning is part of the output; ≈ marks estimates."
)


def _calls(workspace: Workspace) -> list[Entry]:
    """Return every call of this kernel's sessions."""
    return [entry for session in workspace.sessions for entry in session.entries]


def _totals(
    calls: Sequence[Entry], names: Sequence[str], key: Callable[[Entry], tuple[str, ...]]
) -> Displayable:
    """Return the totals of calls, grouped by a key whose parts have these names."""
    rows = [
        (*values[: len(names)], *_row(total))
        for values, total in grouped(calls, lambda e: (*key(e), e.currency)).items()
    ]
    total = tr("Together: {total}.", total=Total.of(calls).cost.to_text())
    return Table((*names, *_COUNTS), rows, note=joined([total, _NOTE, *_quota_note(calls)], " "))


def _row(total: Total) -> tuple[Any, ...]:
    usage = total.usage
    counts = (usage.input, usage.cached, usage.output, usage.reasoning)
    cells = (_estimate(count) if total.estimated else count for count in counts)
    return (total.calls, *cells, total.cost.to_text())


def _estimate(count: int | None) -> str | None:
    return None if count is None else f"≈{count:,}"


def _turns(workspace: Workspace) -> Displayable:
    """Return each call of the session in use, in order."""
    rows = []
    for entry in workspace.session.entries:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
        cost = str(entry.cost) if entry.cost else None
        usage = entry.usage
        counts = (usage.input, usage.cached, usage.output, usage.reasoning)
        cells = (_estimate(count) if entry.estimated else count for count in counts)
        rows.append((at, entry.provider, entry.model, *cells, cost))
    columns = ("at", "provider", "model", *_COUNTS[1:])
    return Table(columns, rows, tr("Session {name}", name=workspace.session_name), _NOTE)


def _quota_note(calls: Iterable[Entry]) -> Iterator[Text]:
    """Yield what is left of the free quota of each model that was asked where there is one."""
    quota = budgets.quota()
    if quota is not None:
        models = sorted({e.model for e in calls if budgets.has_free_quota(e.provider)})
        entries = budgets.all_entries()
        left = ", ".join(f"{model} {quota.left(model, entries):,}" for model in models)
        yield tr(
            "Free tokens left since {day}: {left}; costs are list prices.",
            day=quota.since,
            left=left or tr("not touched"),
        )


def _prices(workspace: Workspace) -> Displayable:
    """Return the price of each model that was asked, with date and source."""
    asked = {(entry.provider, entry.model) for entry in _calls(workspace)}
    request = workspace.session.plan("…", workspace.options(), start_local=False)
    asked.add((request.offer.provider.name, request.offer.model.id))
    offers = workspace.catalogue.offers
    rows: list[tuple[Any, ...]] = []
    for provider, model in sorted(asked):
        offer = offers.get((provider, model))
        rows += (
            _price_rows(workspace, offer) if offer else [(model, provider, "", *[None] * 3, "", "")]
        )
    columns = ("model", "provider", "input tokens", "in", "cached", "out", "checked", "source")
    note = tr("Prices are for a million tokens, in the billed currency; n/a: not known.")
    return Table(columns, rows, note=note)


def _price_rows(workspace: Workspace, offer: Offer) -> list[tuple[Any, ...]]:
    price, name = offer.price, (offer.model.id, offer.provider.name)
    if price is None:
        return [(*name, "", None, None, None, "", "")]
    source = workspace.catalogue.sources.get(price.source)
    where = f"{source.title} {source.url}".strip() if source else price.source
    return [
        (*name, price.span(at), *_money(price, at), price.checked.isoformat(), where)
        for at in range(len(price.tiers))
    ]


def _money(price: Price, at: int) -> list[str | None]:
    tier, symbol = price.tiers[at], currency_symbol(price.currency)
    amounts: list[Decimal | None] = [tier.input, tier.cached, tier.output]
    return [None if amount is None else f"{symbol}{amount.normalize():f}" for amount in amounts]


def _rows(entries: Iterable[Entry]) -> list[dict[str, Any]]:
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
            "estimated": entry.is_estimate,
            "calls": entry.calls,
            "cost": entry.cost.amount if entry.cost else None,
            "currency": entry.currency or None,
        }
        for entry in entries
    ]


def _days(_: Workspace) -> Displayable:
    names = ("day", "provider", "model")
    return _totals(budgets.all_entries(), names, lambda e: (e.day, e.provider, e.model))


def _all(_: Workspace) -> Displayable:
    names = ("session", "provider", "model")
    return _totals(budgets.all_entries(), names, lambda e: (e.session, e.provider, e.model))


def _frame(workspace: Workspace) -> Displayable:
    return Value(rows_to_frame(_rows(_calls(workspace))))


def _plot(workspace: Workspace) -> Displayable:
    """Return a plot of the session's tokens over its calls."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UnavailableError(
            tr("a plot needs matplotlib, which is not installed"),
            hint=tr("pip install matplotlib"),
        ) from None
    entries = workspace.session.entries
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    places = list(range(1, len(entries) + 1))
    stacks = _stacks(entries)
    bottom = [0] * len(entries)
    for name, counts in stacks.items():
        axes.bar(places, counts, bottom=bottom, label=name)
        bottom = [low + count for low, count in zip(bottom, counts, strict=True)]
    axes.set(
        xlabel="call", ylabel="tokens", title=f"Session {workspace.session_name}", xticks=places
    )
    axes.legend()
    return Drawing(figure)


def _stacks(entries: Sequence[Entry]) -> dict[str, list[int]]:
    """Return the height of each part of each bar; parts do not overlap."""
    counts = [(e.usage.input or 0, e.usage.cached or 0, e.usage.output or 0, e.usage.reasoning or 0)
              for e in entries]  # fmt: skip
    return {
        "cached input": [cached for _, cached, _, _ in counts],
        "input": [read - cached for read, cached, _, _ in counts],
        "reasoning": [thought for _, _, _, thought in counts],
        "answer": [written - thought for _, _, written, thought in counts],
    }


class Drawing(Value):
    """A matplotlib figure, shown as an image."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        import base64
        import io

        picture = io.BytesIO()
        self.value.savefig(picture, format="png", dpi=110)
        data = base64.b64encode(picture.getvalue()).decode()
        return {"image/png": data, "text/plain": self.text()}


_FORMS: dict[str, Callable[[Workspace], Displayable]] = {
    "turns": _turns,
    "day": _days,
    "all": _all,
    "plot": _plot,
    "frame": _frame,
    "prices": _prices,
}


@verb(
    "usage",
    "tokens and cost so far, by session, provider and model; or by day, by turn, of all that "
    "is on disk; as a plot or a DataFrame; or the prices, with date and source",
    "",
    "HOW",
    HOW=one_of(_FORMS),
)
def usage(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show tokens and cost so far."""
    if words:
        return _FORMS[words[0]](workspace)
    names = ("session", "provider", "model")
    return _totals(_calls(workspace), names, lambda e: (e.session, e.provider, e.model))


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
def budget(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show the budgets, or set one."""
    match list(words):
        case []:
            return _budgets(workspace)
        case ["off"]:
            workspace.session.set_budget(None)
        case ["day", amount]:
            budgets.put(budgets.DAY, None if amount == _OFF else parse_amount(amount).written)
        case ["quota", *rest]:
            budgets.set_quota(None if rest == [_OFF] else _quota(rest))
        case [amount]:
            workspace.session.set_budget(parse_amount(amount))
    return _budgets(workspace)


def _quota(words: Sequence[str]) -> budgets.Quota:
    amount = parse_amount(words[0])
    if amount.unit != TOKENS:
        raise InvalidValueError(
            tr("a free quota is in tokens"), hint=tr("write %glm budget quota 1M")
        )
    since = words[1] if len(words) > 1 else day_of(time.time())
    try:
        date.fromisoformat(since)
    except ValueError:
        raise InvalidValueError(
            tr("{text} is not a date", text=since),
            hint=tr("write it as 2026-11-21, the day the quota began"),
        ) from None
    return budgets.Quota(int(amount.number), since)


def _budgets(workspace: Workspace) -> Displayable:
    rows: list[tuple[Any, ...]] = []
    session, day, quota = workspace.session.budget, budgets.day_budget(), budgets.quota()
    if session:
        rows.append(
            _used(
                tr("session {name}", name=workspace.session_name),
                session,
                workspace.session.entries,
            )
        )
    today = day_of(time.time())
    if day:
        rows.append(
            _used(
                tr("today, {day}", day=today),
                day,
                [e for e in budgets.all_entries() if e.day == today],
            )
        )
    if quota:
        rows += _quota_rows(workspace, quota)
    if not rows:
        return Paragraph(
            tr("No budget is set: %glm budget ¥5, %glm budget day 200k, %%glm --budget 0.10CNY.")
        )
    return Table(("budget", "limit", "used", "left"), rows)


def _used(name: str, amount: Amount, entries: Sequence[Entry]) -> tuple[str, ...]:
    spent = amount.spent(entries)
    left = max(Decimal(0), amount.number - spent)
    amounts = (Amount(_rounded(number), amount.unit) for number in (spent, left))
    mark = "≈" * amount.is_estimate(entries)
    used, left_text = (f"{mark}{item}" for item in amounts)
    unpriced = 0 if amount.unit == TOKENS else cost_of_all(entries).unpriced
    if unpriced:
        used = plural(
            unpriced, "{used} + {count} call n/a", "{used} + {count} calls n/a", used=used
        )
    return (name, str(amount), used, left_text)


def _rounded(number: Decimal) -> Decimal:
    rounded = number.quantize(Decimal("0.000001")).normalize()
    return rounded if rounded.as_tuple().exponent < 0 else rounded.quantize(Decimal(1))  # type: ignore[operator]


def _quota_rows(workspace: Workspace, quota: budgets.Quota) -> list[tuple[str, ...]]:
    """Return what is left of the free quota, which each model has separately."""
    entries = budgets.all_entries()
    asked = {e.model for e in entries if budgets.has_free_quota(e.provider)}
    free = [info for info in workspace.catalogue.providers.values() if info.free_quota_days]
    models = (
        sorted(asked) or [o.model.id for o in workspace.catalogue.of_provider(free[0].name)][:1]
    )
    ends = date.fromordinal(date.fromisoformat(quota.since).toordinal() + free[0].free_quota_days)
    return [
        (
            tr(
                "free quota of {model}, {first} to {last}",
                model=model,
                first=quota.since,
                last=ends,
            ),
            f"{quota.tokens:,} tokens",
            f"{mark}{quota.tokens - quota.left(model, entries):,}",
            f"{mark}{quota.left(model, entries):,} tokens",
        )
        for model in models
        for mark in ["≈" * any(entry.estimated for entry in quota.counted(model, entries))]
    ]
