"""Jobs: turns that run in the background (``--bg``) while other cells do.

Whoever started one holds its `Background`, with all of its stream. The list of jobs keeps it only
as long as it runs: a job that has ended is a line of ``%glm jobs``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.text import shorten
from ..core.turn import Status, Turn
from ..engine.reply import TurnProperties
from ..views.play import View, play, play_in_background

if TYPE_CHECKING:
    from ..core.events import TimedEvent
    from ..engine.reply import Reply
    from ..engine.stream import Stream

SHOWN_S = 5.0
"""How long `Background.result` waits for the output after the reply has ended."""


class Background(TurnProperties):
    """A turn in the background; `result` waits for its reply."""

    def __init__(self, number: int, stream: Stream) -> None:
        self.number = number
        """What ``%glm jobs`` and ``%glm stop`` call it."""
        self._stream = stream
        self._thread: threading.Thread | None = None
        self._at_end: Callable[[Reply], None] = lambda _: None

    def show(self, view: View, at_end: Callable[[Reply], None], shown: Callable[[], None]) -> None:
        """Let a view follow the turn from a thread.

        Parameters
        ----------
        view : View
            What shows it.
        at_end : callable
            Gets the reply when it has ended.
        shown : callable
            Called when the view has shown the end.
        """
        self._at_end = at_end
        self._thread = play_in_background(self._stream, view, self._last_turn, shown)

    def show_to_the_end(self, view: View, at_end: Callable[[Reply], None]) -> None:
        """Follow the turn to its end now, where no cell could run meanwhile."""
        self._at_end = at_end
        try:
            play(self._stream, view, self._last_turn)
        finally:
            self.stop()

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        return self._stream.turn

    @property
    def request(self) -> Mapping[str, Any]:
        """The body that was sent; it never holds a key."""
        return self._stream.request

    @property
    def events(self) -> list[TimedEvent]:
        """What arrived so far, and when."""
        return self._stream.events

    @property
    def value(self) -> Any:
        """The object in the answer under a schema; ``None`` without one, and before the end."""
        return self._stream.value

    @property
    def lanes(self) -> tuple[Reply, ...]:
        """Empty: a comparison does not run in the background."""
        return ()

    def to_frame(self) -> Any:
        """Return a pandas DataFrame of what has arrived so far, as `Reply.to_frame` does.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        return self._stream.reply_so_far.to_frame()

    @property
    def done(self) -> bool:
        """Whether nothing more will arrive."""
        return self._stream.done

    def result(self, timeout_s: float | None = None) -> Reply:
        """Wait for the reply.

        Interrupting the waiting does not stop the reply; `stop` does.

        Parameters
        ----------
        timeout_s : float, optional
            Longest wait in seconds; ``None`` waits as long as it takes.

        Returns
        -------
        Reply
            The whole reply, or what had arrived when it was stopped.

        Raises
        ------
        GlmError
            The reply failed; the same error that its panel shows.
        TimeoutError
            The reply did not end in time; it is still running.
        """
        if not self._stream.wait(timeout_s):
            raise TimeoutError(
                f"job {self.number} is not done after {timeout_s:g} s; it is still running"
            )
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(SHOWN_S)
        self._stream.raise_error()
        return self._stream.reply

    def stop(self) -> None:
        """Stop the turn; what has arrived stays."""
        self._stream.cancel()

    def _last_turn(self) -> Turn:
        """Hand over the reply; return its turn with the whole text of its error, hint included."""
        self._at_end(self._stream.reply)
        turn, error = self._stream.turn, self._stream.error
        return replace(turn, error=error.to_text()) if error is not None else turn

    def __str__(self) -> str:
        return self.answer

    def __repr__(self) -> str:
        turn = self.turn
        return f"<Background {self.number}: {turn.status}, {turn.model} at {turn.provider}>"


@dataclass(frozen=True, slots=True)
class Job:
    """What the list of jobs says of one."""

    number: int
    prompt: str
    """Its beginning."""
    model: str
    provider: str
    status: Status
    total_s: float
    error: str | None
    done: bool
    """Whether nothing more will arrive."""

    @classmethod
    def of(cls, job: Background) -> Job:
        """Return what there is to say of a job now."""
        done, turn = job.done, job.turn
        return cls(
            job.number,
            shorten(turn.shown_prompt),
            turn.model,
            turn.provider,
            turn.status,
            turn.timing.total_s or 0.0,
            turn.error,
            done,
        )


class Jobs:
    """The turns that were sent to the background, numbered from 1."""

    def __init__(self) -> None:
        self._jobs: list[Background | Job] = []

    def __iter__(self) -> Iterator[Job]:
        """Yield what there is to say of each job now."""
        self._let_go()
        for job in list(self._jobs):
            yield job if isinstance(job, Job) else Job.of(job)

    @property
    def running(self) -> list[Background]:
        """Those that have not ended."""
        self._let_go()
        return [job for job in self._jobs if isinstance(job, Background)]

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, stream: Stream) -> Background:
        """Add the job of a stream."""
        self._let_go()
        job = Background(len(self._jobs) + 1, stream)
        self._jobs.append(job)
        return job

    def _let_go(self) -> None:
        """Keep of the jobs that have ended what the list says of them."""
        for place, job in enumerate(self._jobs):
            if isinstance(job, Background) and job.done:
                self._jobs[place] = Job.of(job)

    def stop(self, number: int | None = None) -> list[Background]:
        """Stop one job, or all that run; return those that were stopped.

        Raises
        ------
        InvalidValueError
            There is no job of that number.
        """
        if number is not None and number > len(self._jobs):
            raise InvalidValueError(
                tr(
                    "there is no job {number}; {count} were started",
                    number=number,
                    count=len(self._jobs),
                ),
                hint=tr("%glm jobs lists them; a running cell is stopped in its panel"),
            )
        running = [job for job in self.running if number in (None, job.number)]
        for job in running:
            job.stop()
        return running
