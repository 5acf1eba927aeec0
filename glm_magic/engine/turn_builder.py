"""The events of a turn -> the turn, at any moment of its stream and from any thread.

A turn is one stream of several steps: the prompt's own request, one more after each round of tool
calls, after an answer that does not match its schema, or with thinking off when the user will not
wait for its end. Each step keeps its own request, usage, cost and times; the turn sums them.

`TurnBuilder` is written on the loop thread (`runner.TurnRunner` and what it calls) and read from
anywhere. Events are added in batches, one lock and one wake-up for each network chunk. Only
`TurnBuilder.end` ends a turn, and only the runner calls it.

Observers see a reply pass by: a budget that may stop it, a store that saves it. They are called on
the loop thread with each batch of events, and see the ended turn before anyone who waits for it
does; so a turn that a program was told is finished is on disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..core.errors import GlmError
from ..core.events import Event, Started, StepStarted, StreamError, TimedEvent
from ..core.finish_reasons import is_at_limit
from ..core.turn import CONTINUING, Cause, Notice, Status, Step, Turn
from ..wire.tape.tape import Playback
from .prepared import PreparedRequest
from .step_builder import StepBuilder

_log = logging.getLogger(__name__)
_TURNING_POINTS = frozenset((Started, StreamError))
"""Events of which the turn takes note itself."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What an observer answers to the events it was shown."""

    notice: Notice
    stop: bool = False
    """True ends the turn here; what has arrived stays."""


class Observer(Protocol):
    """Sees one turn pass by, on the loop thread; its methods must be quick."""

    def on_request(self, request: PreparedRequest) -> None:
        """See a request of the turn before it is sent."""

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """See the events of one network chunk, or one event of the turn itself."""

    def on_end(self, turn: Turn) -> Iterable[Notice] | None:
        """See the whole turn, before anyone who waits for it does; return what to add to it."""


class Gate(Protocol):
    """Lets the requests of a turn go out, on the loop thread."""

    async def enter(
        self, request: PreparedRequest, tell: Callable[[Notice], None]
    ) -> PreparedRequest:
        """Wait until a request may be sent, and return it as it may be sent.

        Raises
        ------
        RefusedError
            It may not be sent at all.
        """


class Clock:
    """Seconds since `start`; while a tape plays, the recording's own, at any speed."""

    def __init__(self) -> None:
        self._base_s = 0.0
        self._since: float | None = None
        self._playback: Playback | None = None

    def start(self) -> None:
        """Begin to count."""
        self._since = time.monotonic()

    @property
    def is_running(self) -> bool:
        """Whether `start` was called."""
        return self._since is not None

    def now_s(self) -> float:
        """Return the seconds so far; 0 before the start."""
        if self._playback is not None:
            return self._base_s + self._playback.now_s
        return self._base_s + (time.monotonic() - self._since if self._since else 0.0)

    def follow(self, playback: Playback | None) -> None:
        """Continue with a recording's clock; with ``None``, with the real one."""
        # The time before the first replayed reply passed here; it is not part of the recording.
        if playback is None or self._playback is not None or self._base_s:
            self._base_s = self.now_s()
        self._since = time.monotonic()
        self._playback = playback


def _is_of_the_end(notice: Notice) -> bool:
    """Whether a notice says how a reply ended: without an answer, or at the limit of its tokens."""
    return notice.code == "no-answer" or is_at_limit(notice.code)


class TurnBuilder:
    """Adds up the events of one turn.

    Parameters
    ----------
    request : PreparedRequest
        The turn's first request.
    stop : callable, optional
        Stops the turn; called when an observer asks for it.
    clock : Clock, optional
        Seconds since the first request was sent.
    """

    def __init__(
        self,
        request: PreparedRequest,
        stop: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self.observers: list[Observer] = []
        """To be filled before the first request is sent."""
        self.clock = clock or Clock()
        self.changed = threading.Condition()
        """Held while anything here is read or written; notified after each change."""
        self.error: GlmError | None = None
        """What the turn failed with, if it did."""
        self.done = False
        """Whether nothing more will arrive."""
        self._first = request
        self._stop = stop
        self._events: list[Event] = []
        self._times: list[float] = []
        self._wakers: list[Callable[[], None]] = []
        self._notices = list(request.notices)
        self._earlier: tuple[Step, ...] = ()
        self._step = StepBuilder(request, self._notices)
        self._status: Status | None = None
        """The turn's own status, where it is not that of its last step."""
        self._continues = bool(request.tool_plan or request.thought_plan)
        """Whether another step may follow, so that the end of a reply is not the turn's."""
        self._beginning: int | None = None
        """Position of the event with which the newest step's reply began."""
        self._snapshot: Turn | None = None
        """The turn while its clock stands: before the start, and after the end."""

    def start(self) -> None:
        """Start the clock, before the first request is sent."""
        with self.changed:
            self._snapshot = None
            self.clock.start()
            self._step.started_at = time.time()

    def note(self, notices: Iterable[Notice]) -> None:
        """Add notices that its caller has on the turn, before the first request is sent."""
        with self.changed:
            self._notices += notices
            self._snapshot = None

    def announce(self, request: PreparedRequest) -> None:
        """Take a request as it is sent now, and let the observers see it."""
        with self.changed:
            self._step.request = request
        for observer in self.observers:
            observer.on_request(request)

    def add(self, events: Sequence[Event], at_s: float | None = None) -> None:
        """Add events that arrived together, now or at a time, and what observers answer to them."""
        if events:
            self._record(events, at_s)
            self._show(events)

    def begin_step(self, cause: Cause, request: PreparedRequest) -> None:
        """Continue the turn with another request; a reply that still streams is cut short."""
        event, now_s = StepStarted(cause), self.clock.now_s()
        with self.changed:
            self._step.interrupt(now_s)
            self._earlier += (self._step.step(now_s),)
            if cause in CONTINUING:  # it ended as it was meant to, and its answer is still to come
                self._notices[:] = [n for n in self._notices if not _is_of_the_end(n)]
            self._step = StepBuilder(
                request, self._notices, cause=cause, number=len(self._earlier), began_s=now_s
            )
            self._step.started_at = time.time()
            self._beginning = None
            self._append([event], now_s)
            self._notify()
        self._show([event])

    def end(self, status: Status | None = None, error: GlmError | None = None) -> None:
        """End the turn, whatever its last reply is doing.

        Parameters
        ----------
        status : Status, optional
            ``interrupted``: stopped by the user, which does not change a reply that had ended and
            needs nothing after it. Another status becomes the turn's own. By default it is that
            of the last step.
        error : GlmError, optional
            What the turn failed with; it gets the turn as its ``turn``.
        """
        with self.changed:
            now_s = self.clock.now_s()
            if error is not None:
                self._fail(error, now_s)
            else:
                needs_calls = self._continues and self._step.has_calls
                if status is not None and (status != "interrupted" or needs_calls):
                    self._status = status
                self._step.interrupt(now_s)
            self._continues = False
            turn = self._snapshot = self._turn(now_s)
            if self.error is not None:
                self.error.turn = turn
        notices: list[Notice] = []
        for observer in self.observers:
            try:
                notices += observer.on_end(turn) or ()
            except Exception:
                _log.exception("an observer failed at the end of a turn")
        with self.changed:
            for notice in notices:
                self._notices.append(notice)
                self._append([notice], now_s)
            self._snapshot = replace(turn, notices=tuple(self._notices))
            if self.error is not None:
                self.error.turn = self._snapshot
            self.done = True
            self._notify()

    def snapshot(self) -> Turn:
        """Return the turn as it stands now; the same object while its clock stands."""
        snapshot = self._snapshot
        if snapshot is not None:  # a session asks for its earlier turns again and again
            return snapshot
        with self.changed:
            turn = self._turn(self.clock.now_s())
            if not self.clock.is_running:
                self._snapshot = turn
            return turn

    def step(self) -> Step:
        """Return the newest step as it stands now."""
        with self.changed:
            return self._step.step(self.clock.now_s())

    @property
    def awaits_answer(self) -> bool:
        """Whether a reply is being read whose answer has not begun."""
        return not self.done and self._step.status == "streaming" and not self._step.has_answer

    @property
    def count(self) -> int:
        """How many events have arrived."""
        return len(self._events)

    def events_since(self, count: int) -> list[Event]:
        """Return the events after the first `count`."""
        return self._events[count:]  # which needs no lock: the list only grows

    def timed_events(self) -> list[TimedEvent]:
        """Return the events so far, with their times."""
        with self.changed:
            return list(map(TimedEvent, self._times, self._events))

    def wake_with(self, wake: Callable[[], None]) -> None:
        """Call a quick function at every change from here on, from any thread."""
        with self.changed:
            self._wakers.append(wake)

    def _record(self, events: Sequence[Event], at_s: float | None = None) -> None:
        with self.changed:
            now_s = self.clock.now_s() if at_s is None else at_s
            self._step.add(events, now_s)
            if _TURNING_POINTS.isdisjoint(map(type, events)):
                self._append(events, now_s)
            else:
                for event in events:
                    self._append_one(event, now_s)
            self._notify()

    def _append_one(self, event: Event, at_s: float) -> None:
        if isinstance(event, Started):
            self._begin(event, at_s)
        else:
            self._append([event], at_s)
        if isinstance(event, StreamError):
            self._set_error(event.error)

    def _begin(self, event: Started, at_s: float) -> None:
        """Note that a reply began, in place of one that failed and was asked for again."""
        if self._beginning is None:
            self._beginning = len(self._events)
            self._append([event], at_s)
        else:
            self._events[self._beginning] = event

    def _append(self, events: Sequence[Event], at_s: float) -> None:
        self._snapshot = None
        self._events += events
        self._times += [at_s] * len(events)

    def _show(self, events: Sequence[Event]) -> None:
        for observer in self.observers:
            for reaction in observer.on_events(events):
                self._record([reaction.notice])
                if reaction.stop:
                    self._stop()

    def _fail(self, error: GlmError, at_s: float) -> None:
        self._set_error(error)
        if self._step.status == "streaming":
            self._step.break_off(at_s)
        else:
            self._status = "failed"

    def _set_error(self, error: GlmError) -> None:
        self.error = error
        error.provider = error.provider or self._first.offer.provider.name

    def _turn(self, now_s: float) -> Turn:
        step = self._step.step(now_s)
        return Turn(
            prompt=self._first.prompt,
            provider=self._first.offer.provider.name,
            model=self._first.offer.model.id,
            steps=(*self._earlier, step),
            status=self._status or ("streaming" if self._continues else step.status),
            notices=tuple(self._notices),
            error=self.error.message if self.error else None,
            elapsed_s=now_s if self._earlier or step.runs else None,
            is_free=self._first.offer.provider.self_hosted or None,
            attachments=self._first.attachments,
        )

    def _notify(self) -> None:
        self.changed.notify_all()
        for wake in self._wakers:
            wake()
