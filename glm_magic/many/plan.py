"""What is to be asked: each row once, equal rows together, answered ones not again.

The state of a row takes a few bytes, whatever its prompt and its answer are: prompts are made again
when they are sent, and answers are on disk.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import IntEnum

from ..core.errors import GlmError
from ..core.i18n import Text, joined, tr
from ..core.price import format_money
from ..core.usage import Usage
from ..engine.prepared import PreparedRequest
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


Size = tuple[int, str, Decimal, Decimal]
"""Tokens of input, the currency, and the least and most that a row costs in it."""


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
    """

    def __init__(self, rows: Rows, requests: Requests, answers: Answers) -> None:
        self._rows, self._requests, self._answers = rows, requests, answers
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
        self.known: list[int] = []
        """Ids of the answers that are used again."""
        self.open = array("q")
        """The rows to ask, in order."""
        self.read_rows = 0
        """How many rows were read so far."""
        self._input = 0
        self._least: dict[str, Decimal] = {}
        self._most: dict[str, Decimal] = {}
        """What the rows to ask cost at least and at most, by currency."""
        self._is_bounded = True

    def read(self, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Find out which rows are to be asked: some ten thousand a second.

        Parameters
        ----------
        goes_on : callable, optional
            Asked between rows; False leaves all rows as they are.
        """
        requests = self._requests
        first_of: dict[bytes, int] = {}
        sizes: dict[int, Size] = {}
        for number, row in enumerate(self._rows):
            if not goes_on():
                return
            self.read_rows = number
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
        known = self._answers.known(first_of)
        self.known = list(known.values())
        for key, id_ in known.items():
            del sizes[first_of[key]]
            self.reused += 1
            self.answer(first_of[key], id_)
        self.open = array("q", sizes)
        for input_, currency, least, most in sizes.values():
            self._input += input_
            if currency:
                self._least[currency] = self._least.get(currency, Decimal(0)) + least
                self._most[currency] = self._most.get(currency, Decimal(0)) + most

    def _size(self, call: PreparedRequest) -> Size:
        """Return the input of a request in tokens, and the least and most that it costs."""
        price = call.offer.price
        least = price.cost(Usage(call.size.input, 0)) if price else None
        if least is None:
            return call.size.input, "", Decimal(0), Decimal(0)
        asks_for_few = any(k.startswith("max_") for k in call.request.parameters)
        output = longest_output(call) if asks_for_few else None
        most = price.cost(Usage(call.size.input, output)) if price and output else None
        self._is_bounded = self._is_bounded and most is not None
        return call.size.input, least.currency, least.amount, most.amount if most else Decimal(0)

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
        if asked and self._least:
            parts.append(tr("≈{cost} for it", cost=_sums(self._least)))
            if self._is_bounded:
                parts.append(tr("{cost} with the longest answers", cost=_sums(self._most)))
        return joined(parts, " · ")


def _sums(amounts: Mapping[str, Decimal]) -> str:
    return " + ".join(format_money(amount, currency) for currency, amount in amounts.items())
