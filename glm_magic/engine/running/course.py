"""The calls of one turn, one after the other, in one task on the loop thread.

A turn takes one call or several: after a tool call, or when the user will not wait for the end of
the thinking.
"""

from __future__ import annotations

import asyncio

from ...core.errors import GlmError
from ...core.events import Notice, StepStarted
from ...core.turn import Cause
from ..planning.call import Call
from ..planning.follow import Follow
from . import io
from .arrivals import Arrivals
from .check import Check
from .errands import Errands
from .loop import Rounds
from .transfer import Transfer


class Course:
    """Send the calls of a turn.

    Parameters
    ----------
    call : Call
        The first one.
    arrivals : Arrivals
        Takes what comes back.
    errands : Errands
        Runs the user's functions.
    """

    def __init__(self, call: Call, arrivals: Arrivals, errands: Errands) -> None:
        self._first = call
        self._arrivals = arrivals
        self._errands = errands
        self._rounds: Rounds | None = None
        self._check: Check | None = None
        self._sent: list[tuple[Call, Transfer]] = []
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._hurried = False

    @property
    def sent(self) -> list[tuple[Call, bytes]]:
        """Each call so far, and the first megabyte of its reply's body."""
        return [(call, transfer.raw) for call, transfer in list(self._sent)]

    def cancel(self) -> None:
        """Stop where it stands; from any thread."""
        self._cancelled = True
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    @property
    def can_hurry(self) -> bool:
        """Whether a call is being read that thinks, has not begun to answer, and need not think."""
        arrivals = self._arrivals
        if self._task is None or not self._sent or arrivals.done:
            return False
        reply, asked = arrivals.fold.current, self._sent[-1][0]
        waits = reply.status == "streaming" and not reply.has_answer
        return waits and asked.request.thinking is not False and asked.offer.thinking_off

    def hurry(self) -> None:
        """Cancel the call that is being read and ask again with thinking off; from any thread."""
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(self._hurry, task)

    def _hurry(self, task: asyncio.Task[None]) -> None:
        if self.can_hurry and not self._hurried:  # it may have begun to answer meanwhile
            self._hurried = True
            task.cancel()

    async def run(self, current: io.Io) -> None:
        """Send the calls, and end the turn, whatever happens."""
        self._task = asyncio.current_task()
        call: Call | None = self._first
        self._prepare(self._first.follow)
        try:
            while call is not None and not self._cancelled:
                call = await self._send(call, current)
            if call is None:
                self._arrivals.conclude()
            else:
                self._arrivals.interrupt()
        except asyncio.CancelledError:
            self._arrivals.interrupt()
        except GlmError as error:
            self._arrivals.fail(error)
        except Exception as error:  # a bug of ours must end the wait too
            fault = GlmError(f"glm_magic failed inside: {error!r}", hint="please report this")
            fault.__cause__ = error
            self._arrivals.fail(fault)

    def _prepare(self, follow: Follow | None) -> None:
        """Get ready for what comes after a reply; its end is then not yet the turn's."""
        if follow is None:
            return
        self._arrivals.fold.goes_on = True
        if follow.tools:
            self._rounds = Rounds(follow, self._arrivals, self._errands)
        if follow.shape is not None:
            self._check = Check(follow.shape, self._arrivals)

    async def _send(self, call: Call, current: io.Io) -> Call | None:
        """Send one call and read its reply; return the call that follows, if one does."""
        transfer = Transfer(call, self._arrivals.emit, self._arrivals.clock)
        self._sent.append((call, transfer))
        for watcher in self._arrivals.watchers:
            watcher.sends(call)
        try:
            await transfer.run(current.client)
        except asyncio.CancelledError:
            if self._cancelled or not self._hurried:
                raise
            return self._without_thinking(call)
        return await self._after(call)

    async def _after(self, call: Call) -> Call | None:
        """Return the call that follows a whole reply, if one does."""
        step = self._arrivals.fold.current.step(self._arrivals.now())
        cause: Cause = "tools"
        following = await self._rounds.after(call, step) if self._rounds else None
        if following is None and self._check is not None:
            cause, following = "repair", self._check.after(call, step)
        if following is not None:
            self._step(cause, following)
        return following

    def _without_thinking(self, call: Call) -> Call:
        """Turn our own cancelling of a call into the next step."""
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        self._hurried = False
        following = call.unthinking()
        self._arrivals.fold.current.interrupt(self._arrivals.now())
        self._arrivals.tell(
            Notice("answer-now", "the thinking was cut short; asked again without it")
        )
        self._step("answer now", following)
        return following

    def _step(self, cause: Cause, call: Call) -> None:
        """Begin the turn's next step."""
        self._arrivals.fold.next = (call.size, call.wire.body)
        self._arrivals.tell(StepStarted(cause))
