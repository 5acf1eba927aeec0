"""Makes the calls that a reply asks for; gives the request that tells the model their results.

The model learns of every call, whether it was made, refused or failed. What the model reads is
plain English, whatever language the user reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ..core.attachments import Attachment
from ..core.calls import Arguments, read_arguments
from ..core.events import ToolFinished, ToolStarted
from ..core.i18n import tr
from ..core.messages import RunStatus, ToolCall, ToolRun
from ..core.turn import Notice, Step
from ..tools.results import Result, failure_text, result_of
from ..tools.tool import Approve, Tool, ToolError
from .executor import CallerExecutor
from .prepared import PreparedRequest, ToolPlan
from .turn_builder import TurnBuilder


class _InterruptedError(Exception):
    """The user interrupted a function; a `TaskGroup` would swallow a `CancelledError`."""


class _NotCalledError(ToolError):
    """A function was not called, although it could be."""


class ToolLoop:
    """Makes the calls of one turn, round by round.

    Parameters
    ----------
    plan : ToolPlan
        What may be called, and how.
    turn : TurnBuilder
        Gets an event for the start and the end of every call.
    executor : CallerExecutor
        Runs the functions.
    """

    def __init__(self, plan: ToolPlan, turn: TurnBuilder, executor: CallerExecutor) -> None:
        self.limit_reached = False
        """Whether the turn ended because the model went on calling after the last round."""
        self._plan = plan
        self._approve = plan.approve
        self._approves_in_thread = False
        self._turn = turn
        self._executor = executor
        self._approving = asyncio.Lock()
        self._round = 0
        self._truncated: ToolCall | None = None

    def approve_with(self, approve: Approve) -> None:
        """Let somebody else decide about each call, in a thread that may wait as long as it likes.

        The thread that waits for the turn goes on with that, so that it notices a stop.
        """
        self._approve, self._approves_in_thread = approve, True

    async def after(self, request: PreparedRequest, step: Step) -> PreparedRequest | None:
        """Make the calls of a reply; return the request that tells the model their results.

        Returns
        -------
        PreparedRequest or None
            ``None`` where the turn ends: no calls, calls that are the caller's to make, or too
            many rounds.
        """
        if step.status != "complete" or not step.tool_calls or self._is_callers(request, step):
            return None
        self._round += 1
        # The first round beyond the limit is answered with refusals, so that the model may still
        # answer with what it has.
        if self._round > self._plan.max_rounds + 1:
            self._stop()
            return None
        self._truncated = step.truncated_call
        await self._make(step.tool_calls)
        return request.with_messages(self._turn.step().to_messages(request.offer.provider.name))

    def _is_callers(self, request: PreparedRequest, step: Step) -> bool:
        """Whether a call is of a schema that was given without a function."""
        schemas = {tool.get("function", {}).get("name") for tool in request.request.tools}
        return any(c.name in schemas and c.name not in self._plan.tools for c in step.tool_calls)

    def _stop(self) -> None:
        text = tr(
            "stopped after {count} rounds of tool calls; --max-rounds allows more",
            count=self._plan.max_rounds,
        )
        self._turn.add([Notice("max-rounds", text)])
        self.limit_reached = True

    async def _make(self, calls: tuple[ToolCall, ...]) -> None:
        interrupted = False
        try:
            if self._plan.parallel and len(calls) > 1:
                async with asyncio.TaskGroup() as group:
                    for call in calls:
                        group.create_task(self._one(call))
            else:
                for call in calls:
                    await self._one(call)
        except* _InterruptedError:
            interrupted = True
        if interrupted:
            raise asyncio.CancelledError

    async def _one(self, call: ToolCall) -> None:
        """Make one call, or tell the model why it was not made."""
        try:
            tool = self._tool(call)
            arguments = _arguments(call)
            function = tool.bind(arguments.text)
            if not await self._approved(call.name, arguments.value):
                self._report(call, "refused", "not called: the user did not allow it")
                return
        except ToolError as error:
            status: RunStatus = "refused" if isinstance(error, _NotCalledError) else "failed"
            self._report(call, status, f"error: {error}")
            return
        began_s = self._turn.clock.now_s()
        self._turn.add([ToolStarted(call.id)])
        status, result = await self._result(tool, function)
        self._report(call, status, result.text, began_s, result.attachments)

    def _tool(self, call: ToolCall) -> Tool:
        tool = self._plan.tools.get(call.name)
        if tool is None:
            names = ", ".join(self._plan.tools)
            raise ToolError(f"there is no function {call.name!r}; there are: {names}")
        if self._round > self._plan.max_rounds:
            raise _NotCalledError(
                f"not called: the limit of {self._plan.max_rounds} rounds of calls is reached; "
                "answer with what you have"
            )
        if call is self._truncated:
            raise _NotCalledError(
                "not called: the reply was cut at the token limit inside this call"
            )
        return tool

    async def _approved(self, name: str, arguments: Mapping[str, Any]) -> bool:
        approve = self._approve
        if approve is None:
            return True
        async with self._approving:  # one question at a time
            outcome = await self._executor.run(
                lambda: approve(name, arguments), in_thread=self._approves_in_thread
            )
        _stop_if_interrupted(outcome.error)
        if outcome.error is not None:
            raise ToolError(f"not called: nobody could be asked ({failure_text(outcome.error)})")
        return bool(outcome.value)

    async def _result(self, tool: Tool, function: Callable[[], Any]) -> tuple[RunStatus, Result]:
        in_thread = tool.runs_in_thread or self._plan.parallel
        try:
            async with asyncio.timeout(self._plan.timeout_s):
                outcome = await self._executor.run(
                    function, in_thread=in_thread, finish=lambda value: result_of(value, tool.name)
                )
        except TimeoutError:
            timeout_s = self._plan.timeout_s
            return "failed", Result(f"error: no result within {timeout_s:g} s; given up")
        _stop_if_interrupted(outcome.error)
        if isinstance(outcome.error, ToolError):
            return "failed", Result(f"error: {outcome.error}")
        if outcome.error is not None:
            source = getattr(tool, "function", None)
            return "failed", Result(f"error: {failure_text(outcome.error, source)}")
        result: Result = outcome.value
        return "done", result

    def _report(
        self,
        call: ToolCall,
        status: RunStatus,
        content: str,
        began_s: float | None = None,
        attachments: tuple[Attachment, ...] = (),
    ) -> None:
        now_s = self._turn.clock.now_s()
        began_s = now_s if began_s is None else began_s
        run = ToolRun(call.id, status, content, began_s, now_s - began_s, attachments)
        self._turn.add([ToolFinished(run)])


def _arguments(call: ToolCall) -> Arguments:
    arguments = read_arguments(call.arguments)
    if arguments.problem:
        raise ToolError(f"{arguments.problem}; call it again, with one JSON object")
    return arguments


def _stop_if_interrupted(error: BaseException | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        raise _InterruptedError
