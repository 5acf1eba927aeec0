"""What functions and the tools of MCP servers have in common, and asking the user for approval."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..core.calls import read_arguments


class ToolError(Exception):
    """A call that gave no result; the message is for the model."""


class Tool(Protocol):
    """Something that a model may call: a new source of tools implements this."""

    @property
    def name(self) -> str:
        """The name by which the model calls it."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """The tool in the OpenAI form, as it is sent."""

    @property
    def runs_in_thread(self) -> bool:
        """Whether it runs in its own thread and can be cancelled; else in the waiting thread."""

    def bind(self, arguments: str) -> Callable[[], Any]:
        """Return the call, ready to be made; its result may be awaitable.

        Parameters
        ----------
        arguments : str
            JSON text: an object, as the model wrote it or repaired.

        Raises
        ------
        ToolError
            The arguments cannot be used.
        """


def parse_arguments(text: str) -> dict[str, Any]:
    """Read a call's arguments, repaired where only one object can have been meant.

    Raises
    ------
    ToolError
        They are not a JSON object.
    """
    arguments = read_arguments(text)
    if arguments.problem:
        raise ToolError(arguments.problem)
    return dict(arguments.value)


Approve = Callable[[str, Mapping[str, Any]], bool]
"""Decides whether a function may be called, by its name and arguments."""

_YES = ("y", "yes", "j", "ja", "是", "好", "可以")

_MAX_ARGUMENT_CHARS = 2000
"""How much of the arguments is shown."""


def ask_user(name: str, arguments: Mapping[str, Any]) -> bool:
    """Ask in the cell or terminal; anything but a yes is a no."""
    given = ", ".join(f"{_name(key)}={_json(value)}" for key, value in arguments.items())
    if len(given) > _MAX_ARGUMENT_CHARS:
        given = given[:_MAX_ARGUMENT_CHARS] + "…"
    return input(f"Call {_name(name)}({given})? [y/N] ").strip().lower() in _YES


def _name(word: str) -> str:
    # a name could hold a whole sentence that seems to answer the question
    return word if word.replace("-", "_").isidentifier() else _json(word)


def _json(value: Any) -> str:
    # what is approved must be what is seen
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
