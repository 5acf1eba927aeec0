"""Runs a turn on the I/O thread: one request after the other, in one task, to its end.

After a reply comes the next request, if one follows: with the results of tool calls (`tool_loop`),
for an answer that matches its schema (`review`), to think on or to stop thinking (`thought`), or
with thinking off when the user will not wait for its end.

`TurnRunner` starts, stops and ends the turn; nothing else does. The caller's thread only waits
(`executor.CallerExecutor.wait`), so an interrupt lands in a safe place and the socket closes at
once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..core.errors import GlmError
from ..core.i18n import tr
from ..core.interrupts import held
from ..core.turn import Cause, Notice
from ..tools.tool import Approve
from ..wire import io_thread
from .executor import CallerExecutor
from .prepared import PreparedRequest
from .review import Review
from .thought import ThoughtLoop
from .tool_loop import ToolLoop
from .turn_builder import Gate, TurnBuilder

if TYPE_CHECKING:
    from anyio import CancelScope

    from ..wire.http import HttpClient
    from .exchange import Exchange


class TurnRunner:
    """Sends the requests of one turn.

    Parameters
    ----------
    first : PreparedRequest
        The turn's first request.
    turn : TurnBuilder
        Takes what comes back.
    executor : CallerExecutor
        Runs the user's functions.
    gate : Gate, optional
        Lets each request go out.
    """

    def __init__(
        self,
        first: PreparedRequest,
        turn: TurnBuilder,
        executor: CallerExecutor,
        gate: Gate | None = None,
    ) -> None:
        self.started = False
        self._first = first
        self._turn = turn
        self._executor = executor
        self._gate = gate
        self._exchanges: list[Exchange] = []
        self._task: asyncio.Task[None] | None = None
        self._scope: CancelScope | None = None
        """Holds the exchange that runs."""
        self._cancelled = False
        self._answering_now = False
        plan = first.tool_plan
        self._tools = ToolLoop(plan, turn, executor) if plan and plan.tools else None
        self._thought = ThoughtLoop(first.thought_plan) if first.thought_plan else None
        self._review: Review | None = None
        """Looks at the replies; made for the first one."""

    @property
    def exchanges(self) -> list[Exchange]:
        """What was sent so far, and the bodies that came back."""
        return list(self._exchanges)

    @property
    def value(self) -> Any:
        """The object in the answer, read by its schema; ``None`` without one."""
        return self._review.value if self._review else None

    def approve_with(self, approve: Approve) -> None:
        """Let somebody else decide about each call."""
        if self._tools is not None:
            self._tools.approve_with(approve)

    def start(self) -> None:
        """Send the first request; further calls do nothing."""
        if self.started:
            return
        # An interrupt between the mark and the task would leave a turn that nothing ever ends.
        with held():
            if self._mark_started():
                self._submit()

    async def run(self, client: HttpClient) -> None:
        """Send the first request and all that follow, as part of a task of the I/O thread."""
        if self._mark_started():
            await self._run(client)

    def _mark_started(self) -> bool:
        with self._turn.changed:
            if self.started:
                return False
            self.started = True
            self._executor.expect_caller()
            self._turn.start()
            return True

    def _submit(self) -> None:
        try:
            thread = io_thread.shared.get()
        except GlmError as error:
            self._turn.end(error=error)
        else:
            thread.submit(self._run(thread.client))

    def cancel(self) -> None:
        """Stop the turn where it stands; from any thread."""
        with self._turn.changed:
            if self._turn.done or self._cancelled:
                return
            self._cancelled = True
            was_started, self.started = self.started, True
        if not was_started:
            self._turn.end("interrupted")
        elif self._task is not None:  # otherwise the task sees, as it begins, that it is cancelled
            self._task.get_loop().call_soon_threadsafe(self._cancel, self._task)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        # A connection is closed behind a shield of anyio, which `Task.cancel` breaks through.
        if self._scope is not None:
            self._scope.cancel()
        else:
            task.cancel()

    @property
    def can_answer_now(self) -> bool:
        """Whether a reply is being read that thinks, has no answer yet, and need not think."""
        if self._task is None or not self._exchanges:
            return False
        request = self._exchanges[-1].request
        can_do_without = request.request.thinking is not False and request.offer.thinking_off
        return can_do_without and self._turn.awaits_answer

    def answer_now(self) -> None:
        """Cancel the running request and ask again with thinking off; from any thread."""
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(self._cut_thinking, task)

    def _cut_thinking(self, task: asyncio.Task[None]) -> None:
        # The answer may have begun since the user asked for it.
        if self.can_answer_now and not self._answering_now:
            self._answering_now = True
            self._cancel(task)

    async def _run(self, client: HttpClient) -> None:
        """Send the requests, and end the turn, whatever happens."""
        self._task = asyncio.current_task()
        request: PreparedRequest | None = self._first
        try:
            while request is not None and not self._cancelled:
                request = await self._send(request, client)
            if request is not None:
                self._turn.end("interrupted")
            else:
                self._turn.end("incomplete" if self._tools and self._tools.limit_reached else None)
        except asyncio.CancelledError:
            self._turn.end("interrupted")
        except GlmError as error:
            self._turn.end(error=error)
        except Exception as error:  # a bug here must end the wait, too
            fault = GlmError(
                tr("internal error: {error}", error=repr(error)), hint=tr("please report this")
            )
            fault.__cause__ = error
            self._turn.end(error=fault)

    async def _send(self, request: PreparedRequest, client: HttpClient) -> PreparedRequest | None:
        """Send a request and read its reply; return the request that follows, if one does."""
        from anyio import CancelScope

        from .exchange import Exchange  # loads httpx, which takes a while

        sent = request
        if self._gate is not None:
            sent = await self._gate.enter(request, lambda notice: self._turn.add([notice]))
        exchange = Exchange(sent, self._turn.add, self._turn.clock)
        self._exchanges.append(exchange)
        self._turn.announce(sent)
        with CancelScope() as scope:
            self._scope = scope
            await exchange.run(client)
        self._scope, self._answering_now = None, False
        if self._cancelled:
            raise asyncio.CancelledError
        if scope.cancelled_caught:
            return self._without_thinking(request)
        return await self._following(request)

    async def _following(self, request: PreparedRequest) -> PreparedRequest | None:
        """Return the request that follows a whole reply, if one does."""
        cause: Cause = "tools"
        step = self._turn.step()
        if self._review is None:
            plan = self._first.tool_plan
            self._review = Review(lambda n: self._turn.add([n]), plan.schema if plan else None)
        self._review.look(request, step)
        following = await self._tools.after(request, step) if self._tools else None
        if following is None and self._thought is not None:
            cause, following = self._thought.after(request, step)
        if following is None:
            cause, following = "repair", self._review.better(request, step)
        if following is not None:
            self._turn.begin_step(cause, following)
        return following

    def _without_thinking(self, request: PreparedRequest) -> PreparedRequest:
        """Continue a turn whose request was cancelled with one that does not think."""
        following = request.without_thinking()
        text = tr("the thinking was cut short; asked again without it")
        self._turn.add([Notice("answer-now", text)])
        self._turn.begin_step("answer now", following)
        return following
