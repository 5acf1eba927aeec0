"""The prompts that are written ahead: enough that no place waits, and no more.

The thread that waits for the call writes them, since a function of the user may do it; the I/O
thread takes them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from ..core.errors import GlmError
from ..engine.prepared import PreparedRequest
from .requests import Requests
from .rows import Rows

AHEAD = 2
"""Prompts that are written ahead, for each row that may run at a time."""


class Feed:
    """The rows on their way from a plan to those who ask.

    Parameters
    ----------
    rows : Rows
        All of them.
    requests : Requests
        Makes the request about a row.
    fail : callable
        Takes the number of a row that is not to be asked, and why.
    """

    def __init__(
        self, rows: Rows, requests: Requests, fail: Callable[[int, GlmError], None]
    ) -> None:
        self._rows, self._requests, self._fail = rows, requests, fail
        self._numbers: Iterator[int] = iter(())
        self._jobs = 1
        self._written: deque[tuple[int, PreparedRequest]] = deque()
        self._closed: dict[int, GlmError] = {}
        """Why rows of a lane are not asked any more."""
        self.all_written = False

    def begin(self, numbers: Iterable[int], jobs: int) -> None:
        """Take the rows to ask, and how many of them are asked at a time."""
        self._numbers, self._jobs = iter(numbers), jobs

    def close(self, lane: int, error: GlmError) -> bool:
        """Ask no more rows of a lane; return whether any lane is open still."""
        self._closed[lane] = error
        return len(self._closed) < self._requests.lane_count

    @property
    def is_hungry(self) -> bool:
        """Whether prompts should be written."""
        return not self.all_written and len(self._written) < self._jobs

    def write(self, *, stopped: bool) -> None:
        """Write prompts, until there are enough of them."""
        while not self.all_written and len(self._written) < AHEAD * self._jobs:
            number = next(self._numbers, None)
            if number is None or stopped:
                self.all_written = True
                break
            try:
                refused = self._closed.get(self._requests.lane(number))
                if refused is not None:
                    raise refused
                call = self._requests.of(number, self._rows[number])
            except GlmError as error:  # or a function that worked when the rows were counted
                self._fail(number, error)
                continue
            self._written.append((number, call))

    def take(self) -> tuple[int, PreparedRequest] | None:
        """Return the next row and its request, if one is written."""
        return self._written.popleft() if self._written else None
