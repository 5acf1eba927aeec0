"""The signature and docstring of a function that takes the keywords of the Python API.

Such a function is written as ``def ask(prompt, **keywords: Unpack[AskKeywords])``, which type
checkers understand, while ``help()`` and completion read the signature at run time.
`with_ask_keywords` writes each keyword into that signature and into the docstring.

It also wraps the function, for the sake of the key: Python shows the arguments of every frame in a
verbose traceback, so a key must be a `Secret` before the first frame of glm_magic
that could fail. The wrapper is that frame, and it only seals the key.
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from .keywords import AskKeywords, seal_key
from .options import KEYWORDS

F = TypeVar("F", bound=Callable[..., Any])

_PROMPT = "The question, or a whole conversation as dicts with ``role`` and ``content``."


def with_ask_keywords(function: F) -> F:
    """Write the keywords into a function's signature and docstring, and seal the key it is given.

    The parameters go before the docstring's section ``Returns``, or at its end.
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
    head, mark, tail = (function.__doc__ or "").partition("\n    Returns\n")
    function.__doc__ = f"{head.rstrip()}\n{_parameters()}{mark}{tail}"
    return _sealing(function)


@functools.cache
def _parameters() -> str:
    """Return the section ``Parameters`` of the docstrings."""
    entries = [_entry("prompt : str or sequence of messages", _PROMPT)]
    for name in get_type_hints(AskKeywords):
        keyword = KEYWORDS[name]
        entries.append(_entry(f"{name} : {keyword.type}, optional", keyword.help))
    return "\n    Parameters\n    ----------\n" + "\n".join(entries) + "\n"


def _entry(head: str, text: str) -> str:
    indent = " " * 8
    body = textwrap.fill(
        text, 100, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )
    return f"    {head}\n{body}"


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
