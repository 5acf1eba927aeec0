"""What is to be asked: each row once, equal rows together, answered ones not again.

The state of a row takes a few bytes, whatever its prompt and its answer are: prompts are made again
when they are sent, and answers are on disk.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum

from ..core.errors import GlmError
from ..core.i18n import Text, joined, tr
from ..core.price import format_money
from ..core.usage import Usage
from ..engine.prepared import PreparedRequest
from ..session.limits import cost_of
from ..session.reservations import longest_output
from .answers import Answers
from .requests import Requests
from .rows import Rows


class State(IntEnum):
    """What became of a row."""

    LEFT = 0
    """Not asked, or not to its end."""
    ANSWERED = 1
    FAILED = 2


class Plan:
    """The rows of one call, and what became of each.

    Parameters
    ----------
    rows : Rows
        All of them.
    requests : Requests
        Makes the request about a row.
    answers : Answers
        What is known already.
    each : callable, optional
        Called between rows, so that an interrupt lands and a view can be told.
    """

    def __init__(
        self,
        rows: Rows,
        requests: Requests,
        answers: Answers,
        each: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.states = bytearray(len(rows))
        self.ids = array("q", bytes(8 * len(rows)))
        """Of each row's answer; 0 without one."""
        self.errors: dict[int, GlmError] = {}
        """Why rows failed; a plain error without its turn."""
        self.reasons: dict[int, Text] = {}
        """Why single rows are left, where that is not why the call stopped."""
        self.ended = array("q")
        """The rows that have an answer or an error, in the order in which they got it."""
        self.equal: dict[int, list[int]] = {}
        """Rows that ask the same as an earlier one, by that row."""
        self.reused = 0
        """Rows whose answer was there before, or is that of an equal row."""
        self._input = 0
        self._least = self._most = Decimal(0)
        self._currency = ""
        self._is_bounded = True
        first_of: dict[bytes, int] = {}
        sizes: dict[int, tuple[int, Decimal, Decimal]] = {}
        for number, row in enumerate(rows):
            each(number)
            try:
                call = requests.of(number, row)
            except GlmError as error:
                self.fail(number, error)
                continue
            first = first_of.setdefault(requests.key(number, call), number)
            if first == number:
                sizes[number] = self._size(call)
            else:
                self.equal.setdefault(first, []).append(number)
        known = answers.known(first_of)
        self.known = list(known.values())
        """Ids of the answers that are used again."""
        for key, id_ in known.items():
            del sizes[first_of[key]]
            self.reused += 1
            self.answer(first_of[key], id_)
        self.open = array("q", sizes)
        """The rows to ask, in order."""
        for input_, least, most in sizes.values():
            self._input += input_
            self._least += least
            self._most += most

    def _size(self, call: PreparedRequest) -> tuple[int, Decimal, Decimal]:
        """Return the input of a request in tokens, and the least and most that it costs."""
        least = cost_of(call, Usage(call.size.input, 0))
        if least is None:
            return call.size.input, Decimal(0), Decimal(0)
        self._currency = least.currency
        asks_for_few = any(k.startswith("max_") for k in call.request.parameters)
        output = longest_output(call) if asks_for_few else None
        most = cost_of(call, Usage(call.size.input, output)) if output else None
        self._is_bounded = self._is_bounded and most is not None
        return call.size.input, least.amount, most.amount if most else Decimal(0)

    def answer(self, number: int, id_: int) -> None:
        """Note the answer of a row, and of those that are equal."""
        equal = self.equal.get(number, [])
        self.reused += len(equal)
        for row in (number, *equal):
            self.states[row], self.ids[row] = State.ANSWERED, id_
            self.ended.append(row)

    def fail(self, number: int, error: GlmError) -> int:
        """Note why a row has no answer, and with it those that are equal; return how many."""
        rows = (number, *self.equal.get(number, []))
        for row in rows:
            self.states[row], self.errors[row] = State.FAILED, error
            self.ended.append(row)
        return len(rows)

    @property
    def has_answers(self) -> bool:
        """Whether any row has one."""
        return State.ANSWERED in self.states

    def left(self) -> Iterator[int]:
        """Yield the rows that have neither an answer nor an error."""
        return (number for number, state in enumerate(self.states) if state == State.LEFT)

    def estimate(self) -> Text:
        """Return what is about to be asked, and what it costs at least."""
        rows, asked = len(self.states), len(self.open)
        parts: list[str] = [tr("{rows:,} rows, {asked:,} to ask", rows=rows, asked=asked)]
        equal = sum(map(len, self.equal.values()))
        if equal:
            parts.append(tr("{count:,} equal to others", count=equal))
        if self.known:
            parts.append(tr("{count:,} answered before", count=len(self.known)))
        if self.errors:
            parts.append(tr("{count:,} that cannot be asked", count=len(self.errors)))
        if asked:
            parts.append(tr("≈{tokens:,} tokens of input", tokens=self._input))
        if asked and self._currency:
            parts.append(tr("≈{cost} for it", cost=format_money(self._least, self._currency)))
            if self._is_bounded:
                most = format_money(self._most, self._currency)
                parts.append(tr("{cost} with the longest answers", cost=most))
        return joined(parts, " · ")
