"""What a model may call, whether it is a Python function or a tool of a server.

Asking the user whether a function may be called.
"""

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


Approve = Callable[[str, Mapping[str, Any]], bool]
"""Takes a function's name and arguments; says whether it may be called."""

YES = ("y", "yes", "j", "ja", "是", "好", "可以")

MAX_CHARACTERS = 2000
"""How much of the arguments is shown."""


def ask_user(name: str, arguments: Mapping[str, Any]) -> bool:
    """Ask in the cell or terminal; anything but a yes is a no."""
    given = ", ".join(f"{_name(key)}={_json(value)}" for key, value in arguments.items())
    given = given if len(given) <= MAX_CHARACTERS else given[:MAX_CHARACTERS] + "…"
    return input(f"Call {_name(name)}({given})? [y/N] ").strip().lower() in YES


def _name(word: str) -> str:
    # not a whole sentence that answers the question
    return word if word.replace("-", "_").isidentifier() else _json(word)


def _json(value: Any) -> str:
    # what is asked about must be what is seen
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
