"""The keyword options of the Python API, and prompts as callers write them."""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, get_type_hints

from ..core.attachments import Attachment
from ..core.calls import arguments_text
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.messages import ROLES, Message, ToolCall
from ..core.secret import Secret
from ..core.text import suggest
from ..core.thinking import Thinking
from ..tools.tool import Approve
from .attachments import read_parts
from .options import KEYWORDS, Options

F = TypeVar("F", bound=Callable[..., Any])

_PROMPT = "The question, or a whole conversation as dicts with ``role`` and ``content``."


def with_ask_keywords(function: F) -> F:
    """Write the keywords into a function's signature and docstring, and seal the key it is given.

    The parameters go before the docstring's section ``Returns``, or at its end; to a section
    ``Parameters`` that it has, the keywords are added.
    """
    hints = get_type_hints(AskKeywords)
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(name, keyword_only, default=None, annotation=hint)
        for name, hint in hints.items()
    ]
    signature = inspect.signature(function)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    function.__signature__ = signature.replace(parameters=[*named, *options])  # type: ignore[attr-defined]
    # without indentation, which is a method's deeper than a function's
    head, mark, tail = inspect.cleandoc(function.__doc__ or "").partition("\nReturns\n")
    has_section = "\nParameters\n" in head
    parameters = f"{_keyword_entries()}\n" if has_section else _parameters()
    function.__doc__ = f"{head.rstrip()}\n{parameters}{mark}{tail}"
    return _sealing(function)


@functools.cache
def _parameters() -> str:
    """Return the section ``Parameters`` of the docstrings."""
    prompt = _entry("prompt : str or sequence of messages", _PROMPT)
    return f"\nParameters\n----------\n{prompt}\n{_keyword_entries()}\n"


@functools.cache
def _keyword_entries() -> str:
    rows = ((name, KEYWORDS[name]) for name in get_type_hints(AskKeywords))
    return "\n".join(_entry(f"{name} : {row.type}, optional", row.help) for name, row in rows)


def _entry(head: str, text: str) -> str:
    indent = " " * 4
    body = textwrap.fill(
        text, 100, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )
    return f"{head}\n{body}"


def _sealing(function: F) -> F:
    @functools.wraps(function)
    def sealed(*args: Any, **keywords: Any) -> Any:
        seal_key(keywords)  # type: ignore[arg-type]
        return function(*args, **keywords)

    @functools.wraps(function)
    async def sealed_async(*args: Any, **keywords: Any) -> Any:
        seal_key(keywords)  # type: ignore[arg-type]
        return await function(*args, **keywords)

    return sealed_async if inspect.iscoroutinefunction(function) else sealed  # type: ignore[return-value]


Prompt = str | Sequence[Mapping[str, Any] | Message]
"""A question, or a whole conversation as messages with ``role`` and ``content``."""


class AskKeywords(TypedDict, total=False):
    """Options of one question; what is left out is not sent.

    For type checkers: what a keyword means is written on the fields of `Options`, and a test holds
    the names and types here equal to those.
    """

    model: str | None
    provider: str | None
    base_url: str | None
    api_key: str | Secret | None
    system: str | None
    thinking: Thinking
    prefill: str | None
    think_tokens: int | None
    wait: int | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    logprobs: bool | int | None
    tools: Sequence[Any] | None
    mcp: Sequence[str] | None
    max_rounds: int | None
    approve: bool | Approve | None
    parallel: bool | None
    tool_timeout_s: float | None
    schema: Any
    attach: Any
    params: Mapping[str, Any] | None
    idle_timeout_s: float | None


def to_options(keywords: AskKeywords) -> Options:
    """Return the options that a caller's keywords set.

    Raises
    ------
    TypeError
        There is no such keyword.
    InvalidValueError
        A value is of another kind than its option takes.
    """
    _check(seal_key(keywords))
    values: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for name, keyword in KEYWORDS.items():
        value: Any = keywords.get(name)
        if value is None:
            continue
        if keyword.parameter:
            parameters[name] = value
        elif keyword.field == "parameters":
            parameters.update(value)
        else:
            values[keyword.field] = keyword.convert(value)
    return Options(**values, parameters=parameters)


def seal_key(keywords: AskKeywords) -> AskKeywords:
    """Make the key that a caller gave a `Secret`, in place, so that no traceback shows it."""
    if isinstance(keywords.get("api_key"), str):
        keywords["api_key"] = Secret(str(keywords["api_key"]), "api_key")
    return keywords


def _check(keywords: Mapping[str, Any]) -> None:
    for name, value in keywords.items():
        if name not in KEYWORDS:
            near = suggest(name, KEYWORDS, 0.5)
            hint = f" (did you mean {near!r}?)" if near else ""
            # a TypeError, as Python itself raises for a keyword that does not exist
            raise TypeError(f"there is no option {name!r}{hint}; params= takes any other body key")
        kind = KEYWORDS[name].kind
        if kind is not None and value is not None and not kind.accepts(value):
            shown = type(value).__name__ if name == "api_key" else repr(value)[:60]
            raise InvalidValueError(
                tr("{name} takes {kind}, not {value}", name=name, kind=kind.name, value=shown),
                hint=tr("change {name}, or leave it out", name=name),
            )


def messages_of(prompt: Prompt) -> tuple[Message, ...]:
    """Return a prompt as messages.

    Raises
    ------
    InvalidValueError
        It is neither a text nor a sequence of messages that somebody has to answer.
    """
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    messages = tuple(_message(item) for item in prompt) if isinstance(prompt, (list, tuple)) else ()
    # whether a model goes on with an assistant's message is a fact of the offer, see `checks`
    if not messages or messages[-1].role == "system":
        raise InvalidValueError(
            tr("a conversation must end with a message from the user"),
            hint=tr('add {{"role": "user", "content": …}} as the last one'),
        )
    return messages


def _message(item: Mapping[str, Any] | Message) -> Message:
    if isinstance(item, Message):
        return item
    fields = item if isinstance(item, Mapping) else {}
    role, content, calls = fields.get("role"), fields.get("content"), fields.get("tool_calls") or ()
    if content is None and calls:
        content = ""  # an assistant that only calls tools has no text
    attachments: tuple[Attachment, ...] = ()
    if isinstance(content, list | tuple) and role == "user":
        content, attachments = read_parts(content)
    if role not in ROLES or not isinstance(content, str):
        raise InvalidValueError(
            tr("not a message: {item}", item=str(item)[:80]),
            hint=tr(
                "a message is a dict with role ({roles}) and content, a text; a user's may be "
                "a list of parts",
                roles=", ".join(ROLES),
            ),
        )
    return Message(
        role,
        content,
        reasoning=fields.get("reasoning_content") or fields.get("reasoning") or "",
        tool_calls=tuple(_call(call) for call in calls),
        tool_call_id=fields.get("tool_call_id"),
        attachments=attachments,
    )


def _call(call: Any) -> ToolCall:
    try:
        function = call["function"]
        arguments = arguments_text(function["arguments"])
        return ToolCall(str(call["id"]), str(function["name"]), arguments)
    except (KeyError, TypeError):
        raise InvalidValueError(
            tr("not a tool call: {item}", item=str(call)[:80]),
            hint=tr("it needs an id and a function with name and arguments, as the reply had them"),
        ) from None
