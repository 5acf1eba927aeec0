"""How far a call over many rows is: what a view shows of it while it runs and when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from .i18n import Text
from .price import CostTotal
from .usage import Usage

LAST_ROWS = 5
"""Answers that a view shows, the newest ones."""
MAX_FAILURES = 100
"""Failed rows that a view can open."""


@dataclass(frozen=True, slots=True)
class RowText:
    """One row as a view shows it: what was asked, and what came back."""

    number: int
    """From 0, as in the frame."""
    prompt: str
    text: str
    """The answer, or why there is none; both texts are shortened."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """A distinct answer to a prompt that was asked several times."""

    answer: str
    count: int
    """How often it was given."""
    share: float
    """Of all answers, from 0 to 1."""
    cost: CostTotal
    """Of all replies that gave it."""
    thoughts: tuple[tuple[int, str], ...] = ()
    """The number of each such reply, from 0, and its reasoning."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a call over many rows stands."""

    rows: int
    """How many were given."""
    ended: int = 0
    """Rows with an answer, those that were answered before included."""
    failed: int = 0
    reused: int = 0
    """Rows among the ended ones whose answer was there before, or is that of an equal row."""
    running: int = 0
    elapsed_s: float = 0.0
    asked: int = 0
    """Requests about rows that have ended, failed ones included."""
    usage: Usage = field(default_factory=Usage)
    """Of what was asked now."""
    cost: CostTotal = field(default_factory=CostTotal)
    """Of what was asked now."""
    last: tuple[RowText, ...] = ()
    failures: tuple[RowText, ...] = ()
    notices: tuple[str, ...] = ()
    """What the user should know, the estimate first."""
    done: bool = False
    stopped: Text | None = None
    """Why rows were left; ``None``: none were."""
    reading: int | None = None
    """How many were read so far, before any is asked; ``None``: all of them."""
    link: str = ""
    """Address of a page that shows the machines at work; empty without one."""

    @property
    def left(self) -> int:
        """Rows that have neither an answer nor an error."""
        return self.rows - self.ended - self.failed

    @property
    def rate(self) -> float:
        """Rows a second, of those that were asked now."""
        return self.asked / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def share_left(self) -> float | None:
        """What is left, as a multiple of what was asked so far; ``None``: it cannot be told."""
        return self.left / self.asked if self.asked else None

    @property
    def left_s(self) -> float | None:
        """Seconds to the expected end; ``None``: it cannot be told."""
        share = self.share_left
        return None if share is None or self.done else share * self.elapsed_s

    @property
    def expected_cost(self) -> CostTotal | None:
        """What all of it will have cost at the same rate; ``None``: it cannot be told."""
        share = self.share_left
        if share is None or self.done or not self.cost.amounts:
            return None
        amounts = {
            currency: amount + amount * round(share * 1000) / 1000
            for currency, amount in self.cost.amounts.items()
        }
        return CostTotal(amounts, estimated=True)
