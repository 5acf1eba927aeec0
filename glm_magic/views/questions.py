"""Whether a function may be called, asked in the panel of the turn.

`input` asks in the cell that runs. A turn in the background has none, and some pages send no input
to the kernel at all; there, the panel shows the call with two buttons.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A call that waits for the user's answer."""

    number: int
    """Names the question: an answer to an earlier one changes nothing."""
    call: str


class Questions:
    """The questions of one turn, one after the other; every method may be called from any thread.

    Whoever asks waits for the answer. `close` answers with a no what is asked from then on.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._number = 0
        self._pending: Question | None = None
        self._allowed = self._closed = False

    @property
    def pending(self) -> Question | None:
        """The question that waits for an answer."""
        return self._pending

    def ask(self, call: str) -> bool:
        """Ask whether a function may be called, and wait for the answer.

        Parameters
        ----------
        call : str
            The function and its arguments, as the user is to see them.

        Returns
        -------
        bool
            Whether the user allowed it; False as well when the turn has ended.
        """
        with self._condition:
            self._number += 1
            self._allowed = False
            if not self._closed:
                self._pending = Question(self._number, call)
            try:
                self._condition.wait_for(lambda: self._pending is None)
            finally:  # an interrupt takes the question back
                self._pending = None
            return self._allowed

    def answer(self, number: object, allowed: object) -> None:
        """Answer the question of that number, if it still waits; only ``True`` is a yes."""
        with self._condition:
            if self._pending is not None and self._pending.number == number:
                self._pending, self._allowed = None, allowed is True
                self._condition.notify_all()

    def close(self) -> None:
        """Let nobody wait any longer: the turn has ended."""
        with self._condition:
            self._closed, self._pending = True, None
            self._condition.notify_all()
