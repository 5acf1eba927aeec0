"""What the model asked for -> what it is told: the tool loop of a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..core.events import ToolFinished, ToolStarted
from ..core.messages import RunStatus, ToolCall, ToolRun
from ..core.turn import Notice, Step
from ..tools.results import failure_text, result_text
from ..tools.tool import Tool, ToolError, parse_arguments
from .executor import CallerExecutor
from .prepared import PreparedRequest, ToolPlan
from .turn_builder import Arrivals


class _InterruptedError(Exception):
    """The user interrupted a function; a group of tasks would swallow a cancellation."""


class ToolLoop:
    """Make the calls that replies ask for, round by round.

    Parameters
    ----------
    follow : Follow
        What may be called, and how.
    arrivals : Arrivals
        Is told of every call.
    errands : Errands
        Runs the functions.
    """

    def __init__(self, follow: ToolPlan, arrivals: Arrivals, errands: CallerExecutor) -> None:
        self._follow = follow
        self._arrivals = arrivals
        self._errands = errands
        self._asking = asyncio.Lock()
        self._round = 0
        self._cut: ToolCall | None = None
        """The call in which the reply was cut."""

    async def after(self, call: PreparedRequest, step: Step) -> PreparedRequest | None:
        """Make the calls of a reply; return the request that tells the model what they gave.

        Returns
        -------
        Call or None
            ``None`` where the turn ends: no calls, calls that are the caller's own to make, or too
            many rounds.
        """
        if step.status != "complete" or not step.tool_calls or self._is_callers(call, step):
            return None
        self._round += 1
        if self._round > self._follow.max_rounds + 1:
            self._end()
            return None
        self._cut = step.truncated_call
        await self._make(step.tool_calls)
        done = self._arrivals.fold.current.step(self._arrivals.now())
        return call.with_messages(done.to_messages(call.offer.provider.name))

    def _is_callers(self, call: PreparedRequest, step: Step) -> bool:
        """Whether a call is of a schema that came without a function."""
        given = {tool.get("function", {}).get("name") for tool in call.request.tools}
        return any(c.name in given and c.name not in self._follow.tools for c in step.tool_calls)

    def _end(self) -> None:
        most = self._follow.max_rounds
        text = f"stopped after {most} rounds of tool calls; --max-rounds allows more"
        self._arrivals.tell(Notice("max-rounds", text))
        self._arrivals.fold.stop("incomplete")

    async def _make(self, calls: tuple[ToolCall, ...]) -> None:
        interrupted = False
        try:
            if self._follow.parallel and len(calls) > 1:
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
        """Make one call, or say why it was not made; the model learns of it in any case."""
        try:
            tool = self._tool(call)
            function = tool.bind(call.arguments)
            if not await self._approved(call):
                self._report(call, "refused", "not called: the user did not allow it")
                return
        except ToolError as error:
            self._report(call, "failed", f"error: {error}")
            return
        began_s = self._arrivals.now()
        self._arrivals.tell(ToolStarted(call.id))
        status, content = await self._result(tool, function)
        self._report(call, status, content, began_s)

    def _tool(self, call: ToolCall) -> Tool:
        tool = self._follow.tools.get(call.name)
        if tool is None:
            names = ", ".join(self._follow.tools)
            raise ToolError(f"there is no function {call.name!r}; there are: {names}")
        if self._round > self._follow.max_rounds:
            raise ToolError(
                f"not called: the limit of {self._follow.max_rounds} rounds of calls is reached; "
                "answer with what you have"
            )
        if call is self._cut:
            raise ToolError("not called: the reply was cut at the token limit inside this call")
        return tool

    async def _approved(self, call: ToolCall) -> bool:
        approve = self._follow.approve
        if approve is None:
            return True
        arguments = parse_arguments(call.arguments)
        async with self._asking:  # one question at a time
            outcome = await self._errands.run(lambda: approve(call.name, arguments), aside=False)
        _stop_if_interrupted(outcome.error)
        if outcome.error is not None:
            raise ToolError(f"not called: nobody could be asked ({failure_text(outcome.error)})")
        return bool(outcome.value)

    async def _result(self, tool: Tool, function: Callable[[], Any]) -> tuple[RunStatus, str]:
        aside = tool.runs_in_thread or self._follow.parallel
        try:
            async with asyncio.timeout(self._follow.timeout_s):
                outcome = await self._errands.run(function, aside=aside, finish=result_text)
        except TimeoutError:
            return "failed", f"error: no result within {self._follow.timeout_s:g} s; given up"
        _stop_if_interrupted(outcome.error)
        if isinstance(outcome.error, ToolError):
            return "failed", f"error: {outcome.error}"
        if outcome.error is not None:
            place = getattr(tool, "function", None)
            return "failed", f"error: {failure_text(outcome.error, place)}"
        return "done", str(outcome.value)

    def _report(
        self, call: ToolCall, status: RunStatus, content: str, began_s: float | None = None
    ) -> None:
        now = self._arrivals.now()
        began_s = now if began_s is None else began_s
        run = ToolRun(call.id, status, content, began_s, now - began_s)
        self._arrivals.tell(ToolFinished(run))


def _stop_if_interrupted(error: BaseException | None) -> None:
    """End the turn where the user interrupted a function."""
    if isinstance(error, KeyboardInterrupt):
        raise _InterruptedError
