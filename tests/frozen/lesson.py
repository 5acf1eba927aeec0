"""The requests that are on the frozen tape, asked with public names only.

Never edit this file: what a function says when it fails is on the tape, with its line's number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import glm_magic as glm

MATHS = "Derive $\\int_0^1 x^2\\,dx$, in a table.\n\n| a | b |\n|---|---|\n| 1 | 2 |"


@dataclass
class City:
    """A city."""

    name: str
    people: int


def weather(city: str, days: int = 1) -> dict[str, Any]:
    """Tell the weather.

    Parameters
    ----------
    city : str
        Where.
    days : int
        How many days ahead.
    """
    if city == "Nowhere":
        raise ValueError("no such place")
    return {"city": city, "sky": "rain", "days": days}


QUESTIONS: dict[str, dict[str, Any]] = {
    "thinking": {
        "prompt": "Why is the sky blue?", "provider": "zai", "model": "glm-4.6",
        "thinking": True, "temperature": 0.5, "system": "Be brief.",
    },
    "plain": {
        "prompt": "Say <b>hello</b> & *goodbye*.", "provider": "dashscope", "model": "glm-4.5",
        "thinking": False, "max_tokens": 64,
    },
    "chinese": {
        "prompt": "天空为什么是蓝色的？", "provider": "dashscope-native", "model": "glm-4.5",
        "thinking": True,
    },
    "maths": {"prompt": MATHS, "provider": "bigmodel", "model": "glm-4.5-flash"},
    "tools": {
        "prompt": "Is it dry in Ulm?", "provider": "zai", "model": "glm-4.6",
        "thinking": True, "tools": [weather],
    },
    "schema": {
        "prompt": "Describe Ulm.", "provider": "openrouter", "model": "glm-4.6", "schema": City,
    },
    "search": {
        "prompt": "What is new?", "provider": "bigmodel", "model": "glm-4.6",
        "tools": ["web_search"],
    },
    "cut": {
        "prompt": "Tell a long story.", "provider": "zai", "model": "glm-4.6",
        "thinking": False, "max_tokens": 8,
    },
    "messages": {
        "prompt": [
            {"role": "system", "content": "You are a poet."},
            {"role": "user", "content": "One line."},
            {"role": "assistant", "content": "Rain."},
            {"role": "user", "content": "Another."},
        ],
        "provider": "zai", "model": "glm-4.6", "params": {"do_sample": True},
    },
}  # fmt: skip


def ask(name: str, **more: Any) -> glm.Reply:
    """Ask one of the questions."""
    asked = dict(QUESTIONS[name])
    return glm.ask(asked.pop("prompt"), **asked, **more)
