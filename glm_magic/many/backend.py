"""Where the rows of a call are asked: in this process, or wherever another backend sends them.

A job chooses rows, holds them to the budget and keeps their answers; a backend asks about one row
at a time, so many of them as the job has in flight. So resuming, budgets, errors and Stop are the
same wherever rows are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..core.errors import GlmError
from ..core.turn import Notice, Turn
from ..engine.prepared import PreparedRequest
from ..engine.stream import Stream
from ..engine.turn_builder import Observer
from ..wire import io_thread
from .budget import RowBudget


class RowStream(Protocol):
    """The turn about one row."""

    @property
    def call(self) -> PreparedRequest:
        """The turn's first request."""

    @property
    def observers(self) -> list[Observer]:
        """Objects that see the turn pass by; to be added before it begins."""

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""

    @property
    def error(self) -> GlmError | None:
        """What the turn failed with, if it did."""

    @property
    def value(self) -> Any:
        """``None`` where the answer does not fit its schema, or has none."""

    def cancel(self) -> None:
        """Stop the turn, from the loop thread; what has arrived stays."""


class Backend(Protocol):
    """Asks about rows, on the loop thread."""

    link: str
    """Address of a page that shows it at work; empty without one."""

    def check(self, budget: RowBudget) -> Sequence[Notice]:
        """Return what the user should know, before anything is sent; it may block.

        Parameters
        ----------
        budget : RowBudget
            What the rows are held to.

        Raises
        ------
        GlmError
            No row can be asked here.
        """

    def stream(self, number: int, call: PreparedRequest) -> RowStream:
        """Return the turn about a row, which has not begun."""

    async def run(self, stream: Any) -> None:
        """Ask about a row, to the end of its turn, whatever that is.

        Raises
        ------
        GlmError
            No other row can be asked either.
        """

    async def close(self) -> None:
        """Leave nothing behind, once no row is in flight."""


class InProcess:
    """Asks from this process."""

    link = ""

    def check(self, budget: RowBudget) -> Sequence[Notice]:  # noqa: ARG002 - it sees the rows itself
        """Return nothing: whoever can make a request can send it."""
        return ()

    def stream(self, number: int, call: PreparedRequest) -> Stream:  # noqa: ARG002 - one suffices
        """Return the turn about a row."""
        return Stream(call)

    async def run(self, stream: Stream) -> None:
        """Ask about a row."""
        await stream.run(io_thread.shared.get().client)

    async def close(self) -> None:
        """Do nothing."""
