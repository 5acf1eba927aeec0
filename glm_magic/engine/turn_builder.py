"""What has arrived of a turn: written on the loop thread, read and waited for from any thread.

Events -> a turn, at any moment of its stream.

The clock of a turn: seconds since its first request, or those of the recording it comes from.

What may look on while a reply passes by: a budget that stops it, a store that keeps it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, cast

from ..catalogue.schema import Offer
from ..core.errors import GlmError
from ..core.events import Event, StepStarted, StreamError, TimedEvent
from ..core.turn import Cause, Notice, Status, Step, Turn
from ..core.usage import TokenEstimate
from ..wire.tape.tape import Playback
from .prepared import PreparedRequest
from .step_builder import StepBuilder


class Accumulator:
    """Fold the events of one turn, and give the turn at any moment.

    Parameters
    ----------
    prompt : str
        The user's text.
    offer : Offer
        What was asked, where; gives the price.
    notices : iterable of Notice
        What was already worth saying before anything was sent.
    size : Size, optional
        About how large the request is; without it nothing is estimated that was not reported.
    request : Mapping, optional
        The body of the first request.
    """

    def __init__(
        self,
        prompt: str,
        offer: Offer,
        notices: Iterable[Notice] = (),
        size: TokenEstimate | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> None:
        self._prompt = prompt
        self._offer = offer
        self._notices = list(notices)
        self._earlier: tuple[Step, ...] = ()
        self._stopped: Status | None = None
        self._error: GlmError | None = None
        self._ended_s: float | None = None
        self.current = StepBuilder(offer, self._notices, size=size, request=request)
        """The newest reply; events of a reply may be given to it directly."""
        self.next: tuple[TokenEstimate | None, Mapping[str, Any] | None] = (size, request)
        """Size and body of the request that comes next."""
        self.goes_on = False
        """Whether the turn is not over when its newest reply is."""

    def start(self) -> None:
        """Note that the first request is being sent."""
        self.current.started_at = time.time()

    def fold(self, event: Event, at_s: float) -> None:
        """Take in one event that came `at_s` seconds after the first request was sent."""
        if isinstance(event, StepStarted):
            self._next(cast(Cause, event.cause), at_s)
        else:
            self.current.fold(event, at_s)

    def _next(self, cause: Cause, at_s: float) -> None:
        self._earlier += (self.current.step(at_s),)
        self.current = StepBuilder(
            self._offer,
            self._notices,
            cause=cause,
            number=len(self._earlier),
            began_s=at_s,
            size=self.next[0],
            request=self.next[1],
        )
        self.current.started_at = time.time()

    def interrupt(self, at_s: float) -> None:
        """Mark the turn as stopped by the user."""
        if self.goes_on and self.current.has_calls:
            self._stopped = "interrupted"
        self.current.interrupt(at_s)

    def break_off(self, error: GlmError, at_s: float) -> None:
        """Mark the turn as ended by a failure outside of the reply itself."""
        if self.current.status == "streaming":
            self.current.break_off(error, at_s)
        else:
            self._stopped, self._error = "failed", error

    def stop(self, status: Status) -> None:
        """Give the turn a status of its own, whatever its newest reply's is."""
        self._stopped = status

    def end(self, at_s: float) -> None:
        """Note that the turn is over; from here on its clock stands."""
        self.goes_on = False
        self._ended_s = at_s

    @property
    def status(self) -> Status:
        """How the turn ended, or ``streaming``."""
        return self._stopped or ("streaming" if self.goes_on else self.current.status)

    def turn(self, now_s: float) -> Turn:
        """Return the turn as it stands `now_s` seconds after the first request was sent."""
        error = self._error or self.current.error
        now_s = now_s if self._ended_s is None else self._ended_s
        step = self.current.step(now_s)
        return Turn(
            prompt=self._prompt,
            provider=self._offer.provider.name,
            model=self._offer.model.id,
            steps=(*self._earlier, step),
            status=self.status,
            notices=tuple(self._notices),
            error=error.message if error else None,
            elapsed_s=now_s if self._earlier or step.runs else None,
        )


class Clock:
    """Seconds since `start`; while a tape plays, the recording's own, at any speed."""

    def __init__(self) -> None:
        self._base_s = 0.0
        self._since: float | None = None
        self._playback: Playback | None = None

    def start(self) -> None:
        """Begin to count."""
        self._since = time.monotonic()

    def now_s(self) -> float:
        """Return the seconds so far; 0 before the start."""
        if self._playback is not None:
            return self._base_s + self._playback.now_s
        return self._base_s + (time.monotonic() - self._since if self._since else 0.0)

    def follow(self, playback: Playback | None) -> None:
        """Go on with a recording's clock, or with the real one after it."""
        # What passed before the first replayed reply was ours alone, not the recording's.
        if playback is None or self._playback is not None or self._base_s:
            self._base_s = self.now_s()
        self._since = time.monotonic()
        self._playback = playback


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a watcher has to say about a reply."""

    notice: Notice
    stop: bool = False
    """True ends the reply here; what has arrived stays."""


class Observer(Protocol):
    """Sees one stream pass by, on the loop thread; whatever it does must be quick."""

    def sends(self, call: PreparedRequest) -> None:
        """See a request of the stream before it is sent; raise `RefusedError` to prevent it."""

    def saw(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """See what one network chunk brought."""

    def ended(self, turn: Turn) -> None:
        """See the whole turn, before anybody who waits for it does."""


_log = logging.getLogger(__name__)


class Arrivals:
    """The events of a turn so far, and the turn that they make.

    Parameters
    ----------
    call : Call
        The turn's first call.
    """

    def __init__(self, call: PreparedRequest) -> None:
        self.fold = Accumulator(
            call.prompt, call.offer, call.notices, call.size, request=call.wire.body
        )
        self.watchers: list[Observer] = []
        """Who looks on."""
        self.stop: Callable[[], None] = lambda: None
        """Stops the turn; a watcher may ask for it."""
        self.error: GlmError | None = None
        """What the turn failed with, if it did."""
        self.changed = threading.Condition()
        """Held while anything here is read or written; notified after each change."""
        self.events: list[Event] = []
        self._times: list[float] = []
        self.done = False
        """Whether nothing more will arrive."""
        self._last: Turn | None = None
        """The turn as it ended: later turns of a session ask for it again and again."""
        self.value: Any = None
        """What the answer holds, read by its schema."""
        self._provider = call.offer.provider.name
        self._wakers: list[Callable[[], None]] = []
        self.clock = Clock()
        """Seconds since the first request was sent, or those of a tape."""

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        if self._last is not None:
            return self._last
        with self.changed:
            return self.fold.turn(self.now())

    @property
    def timed(self) -> list[TimedEvent]:
        """The events so far, with their times."""
        with self.changed:
            return list(map(TimedEvent, self._times, self.events))

    def now(self) -> float:
        """Return the seconds since the first request was sent."""
        return self.clock.now_s()

    def start(self) -> None:
        """Start the turn's clock."""
        self.clock.start()
        self.fold.start()

    def emit(self, events: Sequence[Event]) -> None:
        """Add events of the reply that is being read."""
        if events:
            self._take(events, self.fold.current.fold)
            self._show(events)

    def tell(self, event: Event) -> None:
        """Add an event of the turn itself."""
        self._take([event], self.fold.fold)
        self._show([event])

    def _take(self, events: Sequence[Event], fold: Callable[[Event, float], None]) -> None:
        now = self.now()
        with self.changed:
            for event in events:
                fold(event, now)
                self.events.append(event)
                self._times.append(now)
                if isinstance(event, StreamError):
                    self.error = event.error
                    event.error.provider = event.error.provider or self._provider
            self._notify()

    def _show(self, events: Sequence[Event]) -> None:
        """Let the watchers see what has arrived, and add what they have to say about it."""
        for watcher in self.watchers:
            for remark in watcher.saw(events):
                self._take([remark.notice], self.fold.fold)
                if remark.stop:
                    self.stop()

    def fail(self, error: GlmError) -> None:
        """End the turn in an error."""
        error.provider = error.provider or self._provider
        self.error = error
        self.finish(lambda now: self.fold.break_off(error, now))

    def conclude(self) -> None:
        """End the turn as its last reply ended."""
        self.finish(self.fold.current.interrupt)

    def interrupt(self) -> None:
        """End the turn where the user stopped it."""
        self.finish(self.fold.interrupt)

    def finish(self, end: Callable[[float], None]) -> None:
        """End the turn by one last change."""
        with self.changed:
            now = self.now()
            end(now)
            self.fold.end(now)
            turn = self.fold.turn(now)
            if self.error is not None:
                self.error.turn = turn
        for watcher in self.watchers:
            try:
                watcher.ended(turn)
            except Exception:
                _log.exception("a reply was not taken note of")
        with self.changed:
            self._last, self.done = turn, True
            self._notify()

    def wake(self, loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
        """Set an event of the caller's own loop at every change from here on."""

        def wake() -> None:
            with suppress(RuntimeError):  # the caller's loop may be closed already
                loop.call_soon_threadsafe(arrived.set)

        with self.changed:
            self._wakers.append(wake)

    def _notify(self) -> None:
        self.changed.notify_all()
        for wake in self._wakers:
            wake()
