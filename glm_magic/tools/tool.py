"""What a model may call, whether it is a Python function or a tool of a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

SHOWN_CHARACTERS = 200
"""How much of a bad argument an error repeats."""


class ToolError(Exception):
    """A call that gave no result, in words for the model."""


class Tool(Protocol):
    """Something that a model may call."""

    @property
    def name(self) -> str:
        """The name by which the model calls it."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """The tool in the OpenAI form, as it is sent."""

    @property
    def aside(self) -> bool:
        """Whether it runs beside the thread that waits for the turn, and can be cancelled."""

    def bind(self, arguments: str) -> Callable[[], Any]:
        """Return the call, ready to be made; its result may be awaitable.

        Parameters
        ----------
        arguments : str
            JSON text as the model wrote it.

        Raises
        ------
        ToolError
            The arguments cannot be used.
        """


def parse_arguments(text: str) -> dict[str, Any]:
    """Read a call's arguments; none at all, and an object inside a JSON string, are taken too.

    Raises
    ------
    ToolError
        They are no JSON object.
    """
    try:
        value = json.loads(text) if text.strip() else {}
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise ToolError(f"the arguments are not JSON ({error}): {_short(text)}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ToolError(f"the arguments are not a JSON object: {_short(text)}")
    return value


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
