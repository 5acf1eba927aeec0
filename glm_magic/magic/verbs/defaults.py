"""The verbs that say how every prompt of the session is asked: system prompt, functions, schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...core.errors import GlmError
from ...core.i18n import Text, tr
from ...core.text import shorten
from ...engine.options import WEB_SEARCH
from ..display import Displayable, Paragraph
from ..line import candidates
from ..line.lookup import look_up
from ..line.options import find_option
from ..line.values import read_value
from .arguments import ArgumentKind, matching
from .registry import verb

if TYPE_CHECKING:
    from ..workspace import Workspace

_OFF = "off"
_NOUN = tr("the name of something in the notebook")


def _is_object(workspace: Workspace, word: str) -> bool:
    """Whether a word is a name of the notebook, or the provider's own search."""
    try:
        look_up("--tool", word, workspace.shell.user_ns)
    except GlmError:
        return False
    return True


FUNCTION = ArgumentKind(
    _is_object,
    lambda workspace, _: [*candidates.functions(workspace), WEB_SEARCH],
    tr("the name of a function in the notebook"),
)
OBJECT = ArgumentKind(_is_object, lambda workspace, _: candidates.variables(workspace), _NOUN)
ANY_TEXT = matching(r"[\s\S]+", noun=tr("a text, or @FILE"))


@verb(
    "system",
    "the system prompt of the session, or that of a file; without one, show it",
    "[TEXT] …",
    TEXT=ANY_TEXT,
)
def system(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show or set the system prompt of the session."""
    if words == [_OFF]:
        _set(workspace, system=None)
        return Paragraph(tr("The session {name} has no system prompt.", **_name(workspace)))
    if words:
        option = find_option("--system")
        assert option is not None  # noqa: S101 - a row of our own table
        text = " ".join(words)
        _set(workspace, system=read_value(option, text) if text.startswith("@") else text)
    prompt = workspace.session.options.system
    if prompt is None:
        return Paragraph(tr("The session {name} has no system prompt.", **_name(workspace)))
    return Paragraph(
        tr(
            "The session {name} has the system prompt: {text}",
            **_name(workspace),
            text=shorten(prompt, 300),
        )
    )


@verb(
    "tools",
    "functions that every prompt of the session may call; without one, show them",
    "[FUNCTION] …",
    "off",
    FUNCTION=FUNCTION,
)
def tools(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show or set the functions that the session's prompts may call."""
    if words == [_OFF]:
        _set(workspace, tools=())
    elif words:
        names = workspace.shell.user_ns
        _set(workspace, tools=tuple(look_up("--tool", word, names) for word in words))
    named = ", ".join(_label(tool) for tool in workspace.session.options.tools)
    if not named:
        return Paragraph(tr("The session {name} calls no functions.", **_name(workspace)))
    return Paragraph(
        tr("Prompts of the session {name} may call {tools}.", **_name(workspace), tools=named)
    )


@verb(
    "schema",
    "the class or schema that every answer of the session takes; without one, show it",
    "[OBJECT]",
    "off",
    OBJECT=OBJECT,
)
def schema(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show or set the shape of the session's answers."""
    if words == [_OFF]:
        _set(workspace, schema=None)
    elif words:
        _set(workspace, schema=look_up("--schema", words[0], workspace.shell.user_ns))
    shape = workspace.session.options.schema
    if shape is None:
        return Paragraph(tr("Answers of the session {name} are free text.", **_name(workspace)))
    return Paragraph(
        tr("Answers of the session {name} take the shape {shape}.", **_name(workspace),
           shape=_label(shape))
    )  # fmt: skip


def _set(workspace: Workspace, **values: Any) -> None:
    session = workspace.session
    session.options = replace(session.options, **values)


def _name(workspace: Workspace) -> dict[str, str | Text]:
    return {"name": workspace.session_name}


def _label(value: Any) -> str:
    """Return what a person calls a function, a class or a schema."""
    if isinstance(value, dict):
        function = value.get("function")
        title = value.get("title") or (function or {}).get("name")
        return str(title or tr("a JSON schema"))
    return str(getattr(value, "__name__", None) or getattr(value, "name", None) or value)
