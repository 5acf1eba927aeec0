"""A turn -> the messages that later requests send of it."""

from __future__ import annotations

from .messages import Message, ToolCall
from .turn import Step, Turn

NOT_MADE = "not called: the turn was stopped first"
"""What is sent for a call without a result; every call has to be answered by a message."""


def step_messages(step: Step, provider: str) -> list[Message]:
    """Return a step as messages: what the model said, and the result of each of its calls."""
    return [
        Message(
            "assistant",
            step.content,
            reasoning=step.reasoning,
            reasoning_from=provider,
            tool_calls=step.tool_calls,
        ),
        *(Message("tool", _result(step, call), tool_call_id=call.id) for call in step.tool_calls),
    ]


def _result(step: Step, call: ToolCall) -> str:
    run = step.run_of(call)
    return run.content if run is not None and run.content else NOT_MADE


def turn_messages(turn: Turn) -> list[Message]:
    """Return a turn as messages: the prompt, the rounds of tool calls, and the answer.

    Thinking that was cut short, and answers that did not fit their schema, are left out; so is a
    turn that ends in calls which nobody answered, as every provider refuses those.
    """
    if turn.asks_caller:
        return []
    rounds = [step for step in turn.steps[:-1] if step.runs]
    steps = [*rounds, *turn.steps[-1:]]
    messages = [Message("user", turn.prompt)]
    for step in steps:
        messages += step_messages(step, turn.provider)
    return messages
