"""The calls of one turn, one after the other, in one task on the loop thread.

A turn takes one call or several: after a tool call, or when the user will not wait for the end of
the thinking.

Reading an answer by its schema, and asking once more where it does not fit.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..core.errors import GlmError, SchemaError
from ..core.events import StepStarted
from ..core.messages import Message
from ..core.turn import Cause, Notice, Step
from ..tools.output_schema import OutputMismatchError, OutputSchema
from .executor import CallerExecutor
from .prepared import PreparedRequest, ToolPlan
from .tool_loop import ToolLoop
from .turn_builder import Arrivals

if TYPE_CHECKING:
    from ..wire.http import HttpClient
    from .exchange import Exchange


class OutputCheck:
    """Hold the answers of one turn to their shape.

    Parameters
    ----------
    shape : Shape
        What an answer has to look like.
    arrivals : Arrivals
        Takes the value.
    """

    def __init__(self, shape: OutputSchema, arrivals: Arrivals) -> None:
        self._shape = shape
        self._arrivals = arrivals
        self._repaired = False

    def after(self, call: PreparedRequest, step: Step) -> PreparedRequest | None:
        """Read an answer; return the one request for another that it may need.

        Raises
        ------
        SchemaError
            The answer does not fit, and cannot be had any better.
        """
        if step.tool_calls or step.status not in ("complete", "incomplete"):
            return None
        try:
            self._arrivals.value = self._shape.read(step.content)
        except OutputMismatchError as problem:
            return self._repair(call, step, str(problem))
        return None

    def _repair(self, call: PreparedRequest, step: Step, problem: str) -> PreparedRequest:
        cut = step.finish_reason == "length" or step.status == "incomplete"
        if self._repaired or cut:
            raise self._error(step, problem, cut=cut)
        self._repaired = True
        said = Message(
            "assistant",
            step.content,
            reasoning=step.reasoning,
            reasoning_from=call.offer.provider.name,
        )
        text = f"This does not fit: {problem}\n{self._shape.prompt}"
        return call.with_messages([said, Message("user", text)])

    def _error(self, step: Step, problem: str, *, cut: bool) -> SchemaError:
        what = "was cut off" if cut else "does not fit the schema, and did not when asked again"
        error = SchemaError(
            f"the answer {what}: {problem[:300]}",
            hint="a larger --max-tokens gives it more room"
            if cut
            else "a larger model, or a simpler schema, may help; the text is in error.text",
        )
        error.text = step.content
        return error


class TurnRunner:
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

    def __init__(self, call: PreparedRequest, arrivals: Arrivals, errands: CallerExecutor) -> None:
        self._first = call
        self._arrivals = arrivals
        self._errands = errands
        self._rounds: ToolLoop | None = None
        self._check: OutputCheck | None = None
        self._sent: list[tuple[PreparedRequest, Exchange]] = []
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._hurried = False

    @property
    def sent(self) -> list[tuple[PreparedRequest, bytes]]:
        """Each call so far, and the first megabyte of its reply's body."""
        return [(call, transfer.raw) for call, transfer in list(self._sent)]

    def cancel(self) -> None:
        """Stop where it stands; from any thread."""
        self._cancelled = True
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    @property
    def can_answer_now(self) -> bool:
        """Whether a call is being read that thinks, has not begun to answer, and need not think."""
        arrivals = self._arrivals
        if self._task is None or not self._sent or arrivals.done:
            return False
        reply, asked = arrivals.fold.current, self._sent[-1][0]
        waits = reply.status == "streaming" and not reply.has_answer
        return waits and asked.request.thinking is not False and asked.offer.thinking_off

    def answer_now(self) -> None:
        """Cancel the call that is being read and ask again with thinking off; from any thread."""
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(self._hurry, task)

    def _hurry(self, task: asyncio.Task[None]) -> None:
        if self.can_answer_now and not self._hurried:  # it may have begun to answer meanwhile
            self._hurried = True
            task.cancel()

    async def run(self, client: HttpClient) -> None:
        """Send the calls, and end the turn, whatever happens."""
        self._task = asyncio.current_task()
        call: PreparedRequest | None = self._first
        self._prepare(self._first.follow)
        try:
            while call is not None and not self._cancelled:
                call = await self._send(call, client)
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

    def _prepare(self, follow: ToolPlan | None) -> None:
        """Get ready for what comes after a reply; its end is then not yet the turn's."""
        if follow is None:
            return
        self._arrivals.fold.goes_on = True
        if follow.tools:
            self._rounds = ToolLoop(follow, self._arrivals, self._errands)
        if follow.shape is not None:
            self._check = OutputCheck(follow.shape, self._arrivals)

    async def _send(self, call: PreparedRequest, client: HttpClient) -> PreparedRequest | None:
        """Send one call and read its reply; return the call that follows, if one does."""
        from .exchange import Exchange  # loads httpx, which takes a while

        transfer = Exchange(call, self._arrivals.emit, self._arrivals.clock)
        self._sent.append((call, transfer))
        for watcher in self._arrivals.watchers:
            watcher.sends(call)
        try:
            await transfer.run(client)
        except asyncio.CancelledError:
            if self._cancelled or not self._hurried:
                raise
            return self._without_thinking(call)
        return await self._after(call)

    async def _after(self, call: PreparedRequest) -> PreparedRequest | None:
        """Return the call that follows a whole reply, if one does."""
        step = self._arrivals.fold.current.step(self._arrivals.now())
        cause: Cause = "tools"
        following = await self._rounds.after(call, step) if self._rounds else None
        if following is None and self._check is not None:
            cause, following = "repair", self._check.after(call, step)
        if following is not None:
            self._step(cause, following)
        return following

    def _without_thinking(self, call: PreparedRequest) -> PreparedRequest:
        """Turn our own cancelling of a call into the next step."""
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        self._hurried = False
        following = call.without_thinking()
        self._arrivals.fold.current.interrupt(self._arrivals.now())
        self._arrivals.tell(
            Notice("answer-now", "the thinking was cut short; asked again without it")
        )
        self._step("answer now", following)
        return following

    def _step(self, cause: Cause, call: PreparedRequest) -> None:
        """Begin the turn's next step."""
        self._arrivals.fold.next = (call.size, call.wire.body)
        self._arrivals.tell(StepStarted(cause))
