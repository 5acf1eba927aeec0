"""What functions and the tools of MCP servers have in common, and asking the user for approval."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..core.calls import read_arguments
from ..core.i18n import tr, translate
from ..core.text import head_and_tail


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

_MAX_SHOWN = 2000
"""How much of all arguments together is shown, at both ends; of one it is an equal share."""

_MIN_SHARE = 200

_LOOKS_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs without a shape."""

_OURS = "⟨⟩"
"""Around what is put in place of hidden characters; an argument that holds them has escapes."""

_BLANKS = re.compile(r"(?: |(?<!\\)(?:\\\\)*+(?:\\[nrt]|\\u00a0|\\u[23]0[0-9a-f]{2})){9,}+")


def ask_user(name: str, arguments: Mapping[str, Any]) -> bool:
    """Ask in the cell or terminal; anything but a yes is a no."""
    question = translate(tr("Call {call}? [y/N]", call=describe_call(name, arguments)))
    return input(f"{question} ").strip().lower() in _YES


def describe_call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as whoever approves it is to see it.

    What is approved is what is seen: the beginning and the end of each argument, with the number
    of characters between them, runs of blanks as their number, and characters that cannot be seen
    as escapes.
    """
    share = max(_MIN_SHARE, _MAX_SHOWN // max(1, len(arguments)))
    given = ", ".join(
        f"{_name(key)}={_ends(_json(value), share)}" for key, value in arguments.items()
    )
    return f"{_name(name)}({_ends(given, 2 * _MAX_SHOWN)})"


def _name(word: str) -> str:
    # A name could hold a whole sentence that seems to answer the question.
    return word if word.replace("-", "_").isidentifier() else _ends(_json(word), _MIN_SHARE)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    escaped = "".join(c if _is_seen(c) else _escape(c) for c in text)
    return _BLANKS.sub(_counted, escaped)


def _is_seen(char: str) -> bool:
    return char.isprintable() and char not in _LOOKS_BLANK and char not in _OURS


def _escape(char: str) -> str:
    return json.dumps(char)[1:-1] if char > "\x7f" else f"\\u{ord(char):04x}"


def _counted(blanks: re.Match[str]) -> str:
    count = len(re.findall(r" |\\u....|\\.", blanks[0]))
    return f"⟨{count:,} blanks⟩"


def _ends(text: str, longest: int) -> str:
    head, hidden, tail = head_and_tail(text, longest)
    return f"{head}⟨{hidden:,} more characters⟩{tail}" if hidden else head
