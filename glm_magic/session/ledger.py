"""What was used and what it cost, call by call, and sums of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from ..core.price import Cost, CostTotal, Price
from ..core.turn import Step, Turn
from ..core.usage import TokenEstimate, Usage
from ..engine.exchange import REPLAYED


@dataclass(frozen=True, slots=True)
class Entry:
    """One call, or the sum of a call over many rows."""

    run: str
    """Id of the run that it belongs to."""
    step: int
    """Its place in the run, from 0."""
    at: float
    """When it was sent, seconds since the epoch."""
    session: str
    provider: str
    model: str
    usage: Usage = field(default_factory=Usage)
    """As reported, or an estimate."""
    cost: Cost | None = None
    """``None`` where no price or no usage is known."""
    estimated: bool = False
    """Whether `usage` is an estimate."""
    calls: int = 1
    """How many calls it is the sum of."""

    @property
    def is_estimate(self) -> bool:
        """Whether any figure is an estimate: a token count, or the cost."""
        return self.estimated or bool(self.cost and self.cost.estimated)

    @property
    def day(self) -> str:
        """The local day, as ``2026-11-21``."""
        return day_of(self.at)

    @property
    def currency(self) -> str:
        """Currency of the cost; empty without one."""
        return self.cost.currency if self.cost else ""


def day_of(at: float) -> str:
    """Return the local day of a time since the epoch."""
    return date.fromtimestamp(at).isoformat()  # noqa: DTZ012 - a user's day is the local one


def entries_of(
    run: str,
    session: str,
    turn: Turn,
    size: TokenEstimate | None = None,
    price: Price | None = None,
) -> Iterator[Entry]:
    """Yield the calls of a turn that were sent and may have to be paid for.

    Parameters
    ----------
    run, session : str
        Id of the run, and the session's name.
    turn : Turn
        The turn as it stands now.
    size, price : optional
        Size of its request and price of its model, by which a call is estimated while it runs.
    """
    # Replies from a tape cost nothing. A turn may continue live; its replayed steps come first.
    replayed = sum(notice.code == REPLAYED for notice in turn.notices)
    for number, step in enumerate(turn.steps):
        sent_at = step.timing.started_at
        if number < replayed or sent_at is None or _is_refused(step):
            continue
        usage, cost, estimated = _spent(step, size, price)
        yield Entry(
            run, number, sent_at, session, turn.provider, turn.model, usage, cost, estimated
        )


def _is_refused(step: Step) -> bool:
    """Whether the service answered with an error before it generated anything."""
    return step.status == "failed" and not step.has_output


def _spent(
    step: Step, size: TokenEstimate | None, price: Price | None
) -> tuple[Usage, Cost | None, bool]:
    if step.usage is not None and step.status != "streaming":
        return step.usage, step.cost, False
    if step.estimate is not None:
        return step.estimate, step.cost, True
    if step.status != "streaming" or size is None:
        return Usage(), None, False
    usage = step.usage or size.usage(step.reasoning, step.content)
    cost = price.cost(usage) if price else None
    return usage, replace(cost, estimated=True) if cost else None, True


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over calls."""

    calls: int
    usage: Usage
    cost: CostTotal
    estimated: bool
    """Whether any of the token counts is an estimate."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Total:
        """Add up calls."""
        calls = list(entries)
        return cls(
            sum(entry.calls for entry in calls),
            sum((entry.usage for entry in calls), Usage()),
            cost_of_all(calls),
            any(entry.estimated for entry in calls),
        )


def cost_of_all(entries: Iterable[Entry]) -> CostTotal:
    """Return what calls cost, one sum for each currency."""
    calls = list(entries)
    unpriced = sum(entry.calls for entry in calls if entry.cost is None)
    return replace(CostTotal.of(entry.cost for entry in calls), unpriced=unpriced)


def grouped(
    entries: Iterable[Entry], key: Callable[[Entry], tuple[str, ...]]
) -> dict[tuple[str, ...], Total]:
    """Return the sum for each key, in the order in which the keys first appear."""
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return {names: Total.of(calls) for names, calls in groups.items()}
