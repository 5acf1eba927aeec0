"""Reading an answer by its schema, and asking once more where it does not fit."""

from __future__ import annotations

from ...core.errors import SchemaError
from ...core.messages import Message
from ...core.turn import Step
from ...tools.shape import Shape, ShapeError
from ..planning.call import Call
from .arrivals import Arrivals


class Check:
    """Hold the answers of one turn to their shape.

    Parameters
    ----------
    shape : Shape
        What an answer has to look like.
    arrivals : Arrivals
        Takes the value.
    """

    def __init__(self, shape: Shape, arrivals: Arrivals) -> None:
        self._shape = shape
        self._arrivals = arrivals
        self._repaired = False

    def after(self, call: Call, step: Step) -> Call | None:
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
        except ShapeError as problem:
            return self._repair(call, step, str(problem))
        return None

    def _repair(self, call: Call, step: Step, problem: str) -> Call:
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
        text = f"This does not fit: {problem}\n{self._shape.instruction}"
        return call.going_on([said, Message("user", text)])

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
