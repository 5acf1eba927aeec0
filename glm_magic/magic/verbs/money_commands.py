"""The verbs about money and tokens: usage, budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ...core.errors import InvalidValueError, UnavailableError
from ...session import limits
from ...session.budget import TOKENS, Amount, parse_amount
from ...session.frame import frame
from ...session.ledger import Entry, day_of
from ..desk import Desk
from ..tables import Given, Line, Shown, Table
from . import money

OFF = "off"


def usage(desk: Desk, words: Sequence[str]) -> Shown:
    """Show tokens and cost so far."""
    if words:
        return _FORMS[words[0]](desk)
    names = ("session", "provider", "model")
    return money.by(money.entries(desk), names, lambda e: (e.session, e.provider, e.model))


def _days(_: Desk) -> Shown:
    found = limits.all_entries()
    return money.by(found, ("day", "provider", "model"), lambda e: (e.day, e.provider, e.model))


def _all(_: Desk) -> Shown:
    names = ("session", "provider", "model")
    return money.by(limits.all_entries(), names, lambda e: (e.session, e.provider, e.model))


def _frame(desk: Desk) -> Shown:
    return Given(frame(money.rows(money.entries(desk))))


def _plot(desk: Desk) -> Shown:
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


class Drawing(Given):
    """A figure of matplotlib, shown as a picture."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        import base64
        import io

        picture = io.BytesIO()
        self.value.savefig(picture, format="png", dpi=110)
        data = base64.b64encode(picture.getvalue()).decode()
        return {"image/png": data, "text/plain": self.text()}


_FORMS: dict[str, Callable[[Desk], Shown]] = {
    "turns": money.turns,
    "day": _days,
    "all": _all,
    "plot": _plot,
    "frame": _frame,
    "prices": money.prices,
}


def budget(desk: Desk, words: Sequence[str]) -> Shown:
    """Show the budgets, or set one."""
    match list(words):
        case []:
            return _budgets(desk)
        case ["off"]:
            desk.session.set_budget(None)
        case ["day", amount]:
            limits.put(limits.DAY, None if amount == OFF else parse_amount(amount).written)
        case ["quota", *rest]:
            limits.set_quota(None if rest == [OFF] else _quota(rest))
        case [amount]:
            desk.session.set_budget(parse_amount(amount))
    return _budgets(desk)


def _quota(words: Sequence[str]) -> limits.Quota:
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
    return limits.Quota(int(amount.number), since)


def _budgets(desk: Desk) -> Shown:
    rows: list[tuple[Any, ...]] = []
    session, day, quota = desk.session.budget, limits.day_budget(), limits.quota()
    if session:
        rows.append(_used(f"session {desk.session_name}", session, desk.session.entries))
    today = day_of(time.time())
    if day:
        rows.append(
            _used(f"today, {today}", day, [e for e in limits.all_entries() if e.day == today])
        )
    if quota:
        rows += _quota_rows(desk, quota)
    if not rows:
        return Line(
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


def _quota_rows(desk: Desk, quota: limits.Quota) -> list[tuple[str, ...]]:
    """Return what is left of the free quota, which each model has for itself."""
    found = limits.all_entries()
    asked = {e.model for e in found if e.provider in limits.FREE_PROVIDERS}
    models = sorted(asked) or [o.model.id for o in desk.catalogue.of_provider("dashscope")][:1]
    ends = date.fromordinal(date.fromisoformat(quota.since).toordinal() + limits.FREE_DAYS)
    return [
        (
            f"free quota of {model}, {quota.since} to {ends}",
            f"{quota.tokens:,} tokens",
            f"{quota.tokens - quota.left(model, found):,}",
            f"{quota.left(model, found):,} tokens",
        )
        for model in models
    ]
