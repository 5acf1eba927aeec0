"""Alibaba Model Studio, OpenAI-compatible mode.

Notes
-----
``enable_thinking`` is a top-level key; usage comes in a last chunk with empty ``choices``, and only
when asked for. Model Studio pages "GLM-4.5" and "GLM", seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import UnsupportedError
from ..core.request import Request, Thinking, forces_call
from .chat import ChatDialect
from .dashscope_errors import judge


def thinking(wanted: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as Model Studio does, in both protocols."""
    if isinstance(wanted, str):
        return {"enable_thinking": True, "reasoning_effort": wanted}
    return {"enable_thinking": wanted}


def refuse(request: Request, offer: Offer) -> None:
    """Refuse what Model Studio answers with HTTP 400, in both protocols.

    Notes
    -----
    Every GLM model there thinks unless told not to, so "not switched off" counts as thinking.
    """
    parameters = request.parameters
    thinks = request.thinking is not False and parameters.get("enable_thinking") is not False
    if thinks and forces_call(parameters):
        raise _unsupported(offer, "a function cannot be forced while the model thinks", _NO_THINK)
    if parameters.get("tool_choice") == "required":
        hint = 'use "auto", or name the function'
        raise _unsupported(offer, 'tool_choice "required" is refused', hint)
    if any(tool.get("function", {}).get("name") == "search" for tool in request.tools):
        raise _unsupported(offer, 'a tool may not be called "search"', "give it another name")
    _refuse_json(request, offer, thinks=thinks)


def _refuse_json(request: Request, offer: Offer, *, thinks: bool) -> None:
    """Refuse JSON while a model thinks that need not; of one that always does, sources disagree."""
    wanted = request.parameters.get("response_format")
    if not isinstance(wanted, Mapping) or wanted.get("type") != "json_object":
        return
    if thinks and offer.thinking_off:
        raise _unsupported(offer, "JSON output needs thinking switched off", _NO_THINK)
    if not any("json" in message.content.lower() for message in request.messages):
        hint = "say in the prompt that JSON is wanted"
        raise _unsupported(offer, "JSON output needs the word JSON in a message", hint)


_NO_THINK = "add --no-think, or thinking=False"


def _unsupported(offer: Offer, what: str, hint: str) -> UnsupportedError:
    title = offer.provider.title
    return UnsupportedError(f"{title}: {what}", hint=hint, provider=offer.provider.name)


DASHSCOPE = ChatDialect("dashscope", thinking, judge, refuse=refuse)
