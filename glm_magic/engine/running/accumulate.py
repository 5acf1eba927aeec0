"""Events -> a turn, at any moment of its stream."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ...catalogue.schema import Offer
from ...core.errors import GlmError
from ...core.estimate import Size
from ...core.events import Event, Notice, StepStarted
from ...core.turn import Cause, Status, Step, Turn
from .reply_fold import ReplyFold


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
        size: Size | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> None:
        self._prompt = prompt
        self._offer = offer
        self._notices = list(notices)
        self._earlier: tuple[Step, ...] = ()
        self._stopped: Status | None = None
        self._error: GlmError | None = None
        self._ended_s: float | None = None
        self.current = ReplyFold(offer, self._notices, size=size, request=request)
        """The newest reply; events of a reply may be given to it directly."""
        self.next: tuple[Size | None, Mapping[str, Any] | None] = (size, request)
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
        self.current = ReplyFold(
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
