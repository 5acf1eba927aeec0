"""The figures of a call over many rows: what was asked so far, what it took, what came last."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence

from ..core.errors import (
    AuthError,
    BillingError,
    ConnectionFailedError,
    GlmError,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from ..core.i18n import Text, tr
from ..core.price import CostTotal
from ..core.progress import LAST_ROWS, MAX_FAILURES, Progress, RowText
from ..core.text import shorten
from ..core.turn import Turn
from ..core.usage import Usage
from ..engine.exchange import REPLAYED
from .plan import Plan

GIVE_UP_AFTER = 20
"""Rows that fail before the first is answered, or in a row: then the others would, too."""
_OF_THE_ACCOUNT = (AuthError, BillingError, NotFoundError)
"""Errors that every other row would get as well."""
_OF_THE_SERVICE = (ConnectionFailedError, RateLimitError, ServerError)
"""Errors that say nothing about a row; so many in a row mean that the service is gone."""
_OF_ALL = ("waiting", "budget-near", REPLAYED)
"""Codes of notices that a turn has for all: the account's limit, a budget that is nearly used up,
and that a tape answers."""
SHOWN = 120
"""Characters of a prompt or an answer in a view."""


def is_of_provider(error: GlmError) -> bool:
    """Whether an error says nothing about a row, but about who was asked."""
    return isinstance(error, (*_OF_THE_ACCOUNT, *_OF_THE_SERVICE))


class Tally:
    """Adds up what becomes of rows; whoever calls it holds the job's lock."""

    def __init__(self) -> None:
        self.usage, self.cost = Usage(), CostTotal()
        self.answered = 0
        """Rows that were asked now and got an answer."""
        self.failed = 0
        """Rows that were asked now and failed."""
        self.in_a_row: Counter[int] = Counter()
        """Rows that failed since the last answer, by lane."""
        self.first_failed: int | None = None
        self.began_s = self.ended_s = 0.0
        """On the monotonic clock; 0 before."""
        self._asked = 0
        self._said: dict[str, str] = {}
        """What turns said last that concerns all of them, by the codes of `_OF_ALL`."""
        self._last: deque[RowText] = deque(maxlen=LAST_ROWS)
        self._failures: list[RowText] = []

    def add(self, turn: Turn) -> None:
        """Count what a turn took, however it ended."""
        self._asked += turn.status != "interrupted"
        self.usage += (turn.usage or Usage()) + (turn.estimate or Usage())
        cost = turn.cost
        if cost is not None:
            amounts = dict(self.cost.amounts)
            amounts[cost.currency] = amounts.get(cost.currency, cost.amount * 0) + cost.amount
            self.cost = CostTotal(amounts, 0, self.cost.estimated or cost.estimated)
        for notice in turn.notices:
            if notice.code in _OF_ALL:
                self._said[notice.code] = notice.message

    def answer(self, number: int, turn: Turn) -> None:
        """Show the answer about a row."""
        self.answered += 1
        text = shorten(turn.answer.strip(), SHOWN)
        self._last.append(RowText(number, shorten(turn.prompt, SHOWN), text))

    def fail(
        self, number: int, prompt: str, error: GlmError, lane: int = 0, *, was_asked: bool
    ) -> None:
        """Show why a row has no answer."""
        if was_asked:
            self.failed += 1
            self.in_a_row[lane] += 1
            self.first_failed = number if self.first_failed is None else self.first_failed
        if len(self._failures) < MAX_FAILURES:
            text = " → ".join(filter(None, [error.message, error.hint]))
            self._failures.append(RowText(number, shorten(prompt, SHOWN), text))

    def why_to_give_up(self, error: GlmError, lane: int = 0) -> Text | None:
        """Return why no other row is to be asked after one failed; ``None``: others may do.

        Of several lanes, only this one's rows are not, where `is_of_provider` says so.
        """
        count, why = self.failed, error.message
        if isinstance(error, _OF_THE_ACCOUNT):
            return tr("the account or model is refused: {error}", error=why)
        in_a_row = self.in_a_row[lane]
        if isinstance(error, _OF_THE_SERVICE) and in_a_row >= GIVE_UP_AFTER:
            return tr("{count} rows in a row failed: {error}", count=in_a_row, error=why)
        if not self.answered and count >= GIVE_UP_AFTER:
            return tr("the first {count} rows all failed: {error}", count=count, error=why)
        return None

    def raise_first(self, plan: Plan) -> None:
        """Raise what the first row that was asked failed with, for all of them.

        Raises
        ------
        GlmError
            Rows failed.
        """
        errors = plan.errors
        if not errors:
            return
        number = next(iter(errors)) if self.first_failed is None else self.first_failed
        error = errors[number]
        text = tr(
            "no row was answered, {count:,} failed; row {number}: {error}",
            count=len(errors),
            number=number,
            error=error.message,
        )
        error.args = (text,)
        raise error

    def progress(
        self,
        plan: Plan,
        running: int,
        notices: Sequence[str],
        stopped: Text | None,
        *,
        done: bool,
    ) -> Progress:
        """Return where the call stands now."""
        now_s = self.ended_s or time.monotonic()
        failed = len(plan.errors)
        return Progress(
            rows=len(plan.states),
            ended=len(plan.ended) - failed,
            failed=failed,
            reused=plan.reused,
            running=running,
            elapsed_s=now_s - self.began_s if self.began_s else 0.0,
            asked=self._asked,
            usage=self.usage,
            cost=self.cost,
            last=tuple(self._last),
            failures=tuple(self._failures),
            notices=(*notices, *self._said.values()),
            done=done,
            stopped=stopped,
        )
