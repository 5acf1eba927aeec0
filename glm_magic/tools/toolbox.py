"""What the user gave as tools -> schemas to send, and what may be called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..core.errors import InvalidValueError
from .function import FunctionTool
from .tool import Tool


def sort_tools(given: Iterable[Any]) -> tuple[tuple[Mapping[str, Any], ...], dict[str, Tool]]:
    """Return the schemas of all tools, and those that can be called, by name.

    Parameters
    ----------
    given : iterable
        Functions, tools of a server, or bare schemas, whose calls are the caller's own to make.

    Raises
    ------
    InvalidValueError
        Something is no tool, or two tools have the same name.
    """
    schemas: dict[str, Mapping[str, Any]] = {}
    callable_: dict[str, Tool] = {}
    for number, item in enumerate(given):
        schema, tool = _tool(item)
        name = str(_function(schema).get("name") or f"#{number}")
        if name in schemas:
            raise InvalidValueError(
                f"two tools are called {name!r}", hint="give one of them another name"
            )
        schemas[name] = schema
        if tool is not None:
            callable_[name] = tool
    return tuple(schemas.values()), callable_


def _tool(item: Any) -> tuple[Mapping[str, Any], Tool | None]:
    if isinstance(item, Mapping):
        is_function = item.get("type") == "function"
        if "type" not in item or (is_function and not _function(item).get("name")):
            raise InvalidValueError(
                f"this is no tool: {str(item)[:80]}",
                hint='a schema is {"type": "function", "function": {"name": …, "parameters": …}}',
            )
        return item, None
    if hasattr(item, "schema") and hasattr(item, "bind"):
        return item.schema, item
    tool = FunctionTool(item)
    return tool.schema, tool


def _function(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    function = schema.get("function")
    return function if isinstance(function, Mapping) else {}
