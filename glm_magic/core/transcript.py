"""A turn -> the messages that later requests send of it."""

from __future__ import annotations

import json
from dataclasses import replace

from .messages import Message, ToolCall
from .turn import Step, Turn

NOT_MADE = "not called: the turn was stopped first"
"""What is sent for a call that was never made; every call has to be answered by a message."""
CUT_OFF = "stopped before it returned; it may have had an effect"
EMPTY = "(nothing)"
"""What is sent for an empty result, which some providers refuse."""
_CUT = ("length", "max_tokens", "model_context_window_exceeded")


def step_messages(step: Step, provider: str) -> list[Message]:
    """Return a step as messages: what the model said, and the result of each of its calls.

    Half an argument is not sent back: servers read arguments as JSON.
    """
    cut = cut_call(step)
    calls = (replace(c, arguments="{}") if c is cut else c for c in step.tool_calls)
    return [
        Message(
            "assistant",
            step.content,
            reasoning=step.reasoning,
            reasoning_from=provider,
            tool_calls=tuple(calls),
        ),
        *(Message("tool", _result(step, call), tool_call_id=call.id) for call in step.tool_calls),
    ]


def _result(step: Step, call: ToolCall) -> str:
    run = step.run_of(call)
    if run is None:
        return NOT_MADE
    return CUT_OFF if run.status in ("running", "interrupted") else run.content or EMPTY


def cut_call(step: Step) -> ToolCall | None:
    """Return the call inside of which a reply ended at the token limit, if it did."""
    if not step.tool_calls or step.finish_reason not in _CUT:
        return None
    last = step.tool_calls[-1]
    try:
        return None if isinstance(json.loads(last.arguments), dict) else last
    except (ValueError, RecursionError):
        return last


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
