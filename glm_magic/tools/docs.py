"""What a function's docstring says about it and its parameters, in numpydoc or Google style."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Docs:
    """A docstring, read."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    """What each parameter is said to be, by its name."""


def read_docs(function: Callable[..., Any]) -> Docs:
    """Return what a docstring says; one of no known style is a description as a whole."""
    from docstring_parser import ParseError, parse

    text = inspect.getdoc(function) or ""
    try:
        found = parse(text)
    except ParseError:
        return Docs(text.strip())
    said = [found.short_description or "", found.long_description or ""]
    parameters = {
        name.strip(): " ".join((item.description or "").split())
        for item in found.params
        for name in item.arg_name.split(",")  # numpydoc: "a, b : int"
    }
    return Docs("\n\n".join(part for part in said if part), parameters)
