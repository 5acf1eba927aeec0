"""Python functions as tools: their schemas, from type hints and docstrings, and their calls.

pydantic does the typing: a function's parameters become the fields of a model, which gives the
schema and converts the arguments. The fields are called ``p0``, ``p1``, …, with the parameters'
names as aliases, since a parameter may be called ``schema`` or ``_x``, which a field may not.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from .tool import Tool, ToolError, parse_arguments
from .type_hints import hints_of

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.json_schema import GenerateJsonSchema


@dataclass(frozen=True, slots=True)
class Docs:
    """The parts of a docstring."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    """Descriptions of the parameters, by name."""


def read_docs(function: Callable[..., Any]) -> Docs:
    """Read a docstring in numpydoc or Google style; any other is all description."""
    from docstring_parser import ParseError, parse

    text = inspect.getdoc(function) or ""
    try:
        docs = parse(text)
    except ParseError:
        return Docs(text.strip())
    paragraphs = [docs.short_description or "", docs.long_description or ""]
    parameters = {
        name.strip(): " ".join((item.description or "").split())
        for item in docs.params
        for name in item.arg_name.split(",")  # numpydoc: "a, b : int"
    }
    return Docs("\n\n".join(filter(None, paragraphs)), parameters)


_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY,)


class FunctionTool:
    """A Python function that a model may call.

    Parameters
    ----------
    function : callable
        The function; its type hints and docstring say how it is called.

    Raises
    ------
    InvalidValueError
        It has no name that can be sent, or a parameter that cannot come from JSON.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = _name(function)
        self.runs_in_thread = _is_async(function)
        self._parameters = _parameters(function)
        self._model = _model(function, self.name, self._parameters)
        self.schema = self._schema()

    def _schema(self) -> Mapping[str, Any]:
        description = read_docs(_documented(self.function)).description
        function: dict[str, Any] = {"name": self.name}
        if description:
            function["description"] = description
        function["parameters"] = _json_schema(self._model, self.name)
        return {"type": "function", "function": function}

    def bind(self, arguments: str) -> Callable[[], Any]:
        """Return the call with its arguments checked and converted to the hinted types.

        Raises
        ------
        ToolError
            The arguments are not a JSON object, or do not fit the parameters.
        """
        from pydantic import ValidationError

        given = parse_arguments(arguments)
        try:
            # JSON mode takes a date as text, which Python mode does not always do
            checked = self._model.model_validate_json(json.dumps(given))
        except ValidationError as error:
            raise ToolError(f"the arguments do not fit: {problems(error)}") from None
        positional, named = self._arguments(checked)
        return functools.partial(self.function, *positional, **named)

    def _arguments(self, checked: BaseModel) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments; a parameter that was not given keeps the function's default."""
        positional: list[Any] = []
        named: dict[str, Any] = dict(checked.model_extra or {})
        for number, parameter in enumerate(self._parameters):
            field = f"p{number}"
            value = getattr(checked, field)
            if parameter.kind in _POSITIONAL:
                positional.append(value)
            elif field in checked.model_fields_set or _is_field(parameter.default):
                named[parameter.name] = value
        return positional, named


def problems(error: ValidationError) -> str:
    """Return what does not fit, place by place."""
    details = error.errors(include_url=False, include_context=False)
    places = (".".join(map(str, item["loc"])) for item in details)
    texts = [
        f"{place}: {item['msg']}" if place else str(item["msg"])  # the whole value has no place
        for place, item in zip(places, details, strict=True)
    ]
    return "; ".join(texts[:10])


def _name(function: Any) -> str:
    if not callable(function) or inspect.isclass(function):
        raise InvalidValueError(
            tr("a tool must be a function, not {value!r}", value=str(function)[:60]),
            hint=tr(
                'give functions, or schemas: {{"type": "function", "function": {{"name": …, '
                '"parameters": …}}}}'
            ),
        )
    name = str(getattr(_documented(function), "__name__", type(function).__name__))
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            tr("a tool cannot be called {name!r}", name=name),
            hint=tr("define it with def and a name of letters, digits and _ (at most 64)"),
        )
    return name


def _documented(function: Any) -> Any:
    """Return where a partial function's name and docstring are."""
    return function.func if isinstance(function, functools.partial) else function


def _is_async(function: Any) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004  an object whose call is async
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    return any(kind(one) for kind in kinds for one in (function, call))


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters that a model can give; ``*args`` are never among them."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise InvalidValueError(
            tr("the parameters of {name} cannot be read", name=_name(function)),
            hint=tr("write a small function with type hints around it"),
        ) from None
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [item for item in signature.parameters.values() if item.kind not in variable]


def _takes_any(function: Callable[..., Any]) -> bool:
    kinds = [item.kind for item in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _model(
    function: Callable[..., Any], name: str, parameters: list[inspect.Parameter]
) -> type[BaseModel]:
    """Return a model of the arguments."""
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticUserError
    from pydantic_core import SchemaError

    descriptions = read_docs(_documented(function)).parameters
    config = ConfigDict(extra="allow" if _takes_any(function) else "forbid", validate_by_alias=True)
    try:
        hints = _hints(function)
        fields: dict[str, Any] = {}
        for number, item in enumerate(parameters):
            about: dict[str, Any] = {"alias": item.name}
            if descriptions.get(item.name):
                about["description"] = descriptions[item.name]
            hint = hints.get(item.name, Any)
            if _is_field(item.default):  # x: int = Field(5, description="…")
                hint = Annotated[hint, item.default]
            elif item.default is not item.empty:
                about["default"] = item.default
            fields[f"p{number}"] = (hint, Field(**about))
        return create_model(name, __config__=config, **fields)
    except (PydanticUserError, SchemaError, NameError, TypeError) as error:
        reason = str(error).splitlines()[0].removesuffix(".")
        raise InvalidValueError(
            tr(
                "the parameters of {name} cannot come from JSON: {reason}",
                name=name,
                reason=reason[:120],
            ),
            hint=tr(
                "use types such as int, str, list, dict, Literal, a dataclass or a pydantic model"
            ),
        ) from None


def _is_field(default: Any) -> bool:
    from pydantic.fields import FieldInfo

    return isinstance(default, FieldInfo)


def _hints(function: Any) -> dict[str, Any]:
    target = _documented(function)
    return hints_of(target if inspect.isroutine(target) else type(target).__call__)


def _json_schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    from pydantic.errors import PydanticUserError

    try:
        schema = model.model_json_schema(schema_generator=untitled())
    except PydanticUserError as error:
        raise InvalidValueError(
            tr(
                "the parameters of {name} have no JSON schema: {reason}",
                name=name,
                reason=str(error).splitlines()[0][:120],
            ),
            hint=tr(
                "use types such as int, str, list, dict, Literal, a dataclass or a pydantic model"
            ),
        ) from None
    schema.pop("title", None)
    for part in schema.get("properties", {}).values():
        if isinstance(part.get("default"), float) and not math.isfinite(part["default"]):
            del part["default"]  # JSON cannot hold it
    return schema


def untitled() -> type[GenerateJsonSchema]:
    """Return pydantic's schema generator without the titles that only repeat a name."""
    from pydantic.json_schema import GenerateJsonSchema

    class Untitled(GenerateJsonSchema):
        """Does not warn about defaults that JSON cannot hold."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

        def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
            return False

    return Untitled


def resolve_tools(given: Iterable[Any]) -> tuple[tuple[Mapping[str, Any], ...], dict[str, Tool]]:
    """Return the schemas of all tools, and those that can be called, by name.

    Parameters
    ----------
    given : iterable
        Functions, tools of a server, or bare schemas, whose calls are left to the caller.

    Raises
    ------
    InvalidValueError
        Something is not a tool, or two tools have the same name.
    """
    schemas: dict[str, Mapping[str, Any]] = {}
    tools: dict[str, Tool] = {}
    for number, item in enumerate(given):
        schema, tool = _tool(item)
        name = str(_function(schema).get("name") or f"#{number}")
        if name in schemas:
            raise InvalidValueError(
                tr("two tools are called {name!r}", name=name),
                hint=tr("give one of them another name"),
            )
        schemas[name] = schema
        if tool is not None:
            tools[name] = tool
    return tuple(schemas.values()), tools


def _tool(item: Any) -> tuple[Mapping[str, Any], Tool | None]:
    if isinstance(item, Mapping):
        is_function = item.get("type") == "function"
        if "type" not in item or (is_function and not _function(item).get("name")):
            raise InvalidValueError(
                tr("not a tool: {item}", item=str(item)[:80]),
                hint=tr(
                    'a schema is {{"type": "function", "function": {{"name": …, "parameters": …}}}}'
                ),
            )
        return item, None
    if hasattr(item, "schema") and hasattr(item, "bind"):
        return item.schema, item
    tool = FunctionTool(item)
    return tool.schema, tool


def _function(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    function = schema.get("function")
    return function if isinstance(function, Mapping) else {}
