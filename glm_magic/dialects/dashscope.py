"""Alibaba Model Studio, OpenAI-compatible mode.

Notes
-----
``enable_thinking`` is a top-level key; usage comes in a last chunk with empty ``choices``, and only
when asked for. Model Studio pages "GLM-4.5" and "GLM", seen 2026-11.
"""

from __future__ import annotations

from typing import Any

from ..catalogue.schema import Offer
from ..core.request import Thinking
from .chat import ChatDialect
from .dashscope_errors import judge


def thinking(wanted: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as Model Studio does, in both protocols."""
    if isinstance(wanted, str):
        return {"enable_thinking": True, "reasoning_effort": wanted}
    return {"enable_thinking": wanted}


DASHSCOPE = ChatDialect("dashscope", thinking, judge)
