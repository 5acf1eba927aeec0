"""A Python function's schema, and what its arguments become."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import BaseModel, Field

from glm_magic.core.errors import InvalidValueError
from glm_magic.tools.function import FunctionTool, resolve_tools
from glm_magic.tools.tool import ToolError


@dataclass
class Point:
    x: float
    y: float = 0.0


class Size(BaseModel):
    width: int


class Place(TypedDict):
    city: str


class Meeting(BaseModel, strict=True):
    day: date
    pair: tuple[int, int]


class Colour(Enum):
    RED = "red"


def everything(
    city: str,
    days: int = 1,
    unit: Literal["c", "f"] = "c",
    at: Point | None = None,
    sizes: list[Size] | None = None,
    place: Place | None = None,
    when: date | None = None,
    colour: Colour = Colour.RED,
    exact: Annotated[float, Field(ge=0, description="How exact.")] = 0.5,
) -> dict[str, Any]:
    """Tell the weather.

    It is made up.

    Parameters
    ----------
    city, place : str
        Where to look,
        by name.
    days : int
        How far ahead.

    Returns
    -------
    dict
        All that was given.
    """
    return dict(locals())


def in_google_style(a: int, b: str = "x") -> str:
    """Join two things.

    Args:
        a (int): The first.
        b: The second
            of them.

    Returns:
        str: Both.
    """
    return f"{a}{b}"


def parameters(function: Any) -> dict[str, Any]:
    return FunctionTool(function).schema["function"]["parameters"]


def test_types_defaults_and_descriptions_are_in_the_schema() -> None:
    tool = FunctionTool(everything)
    own = tool.schema["function"]
    assert (tool.schema["type"], own["name"]) == ("function", "everything")
    assert own["description"] == "Tell the weather.\n\nIt is made up."
    properties = own["parameters"]["properties"]
    assert own["parameters"]["required"] == ["city"]
    assert own["parameters"]["additionalProperties"] is False
    assert properties["city"] == {"type": "string", "description": "Where to look, by name."}
    assert properties["days"] == {
        "type": "integer",
        "default": 1,
        "description": "How far ahead.",
    }
    assert properties["unit"]["enum"] == ["c", "f"]
    assert properties["place"]["description"] == "Where to look, by name."
    assert properties["exact"]["minimum"] == 0
    assert properties["exact"]["description"] == "How exact."
    assert "title" not in own["parameters"]
    json.dumps(tool.schema)


def test_google_style_is_read_too() -> None:
    made = parameters(in_google_style)
    assert made["properties"]["a"]["description"] == "The first."
    assert made["properties"]["b"]["description"] == "The second of them."
    assert FunctionTool(in_google_style).schema["function"]["description"] == "Join two things."


def test_arguments_become_what_the_hints_say() -> None:
    given = {
        "city": "Paris",
        "days": "3",
        "at": {"x": 1},
        "sizes": [{"width": 2}],
        "place": {"city": "Lyon"},
        "when": "2026-11-21",
        "colour": "red",
    }
    got = FunctionTool(everything).bind(json.dumps(given))()
    assert got["at"] == Point(1.0)
    assert got["sizes"] == [Size(width=2)]
    assert got["when"] == date(2026, 11, 21)
    assert got["colour"] is Colour.RED
    assert (got["days"], got["unit"], got["exact"]) == (3, "c", 0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{", "not JSON"),
        ("not json at all", "not JSON"),
        ("[1]", "not a JSON object"),
        ("7", "not a JSON object"),
        ("{}", "city: Field required"),
        ('{"city": 3}', "city: Input should be a valid string"),
        ('{"city": "x", "unit": "k"}', "unit: Input should be 'c' or 'f'"),
        ('{"city": "x", "dayz": 2}', "dayz: Extra inputs are not permitted"),
        ('{"city": "x", "at": {"y": 1}}', "at.x: Field required"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_words(arguments: str, words: str) -> None:
    with pytest.raises(ToolError) as caught:
        FunctionTool(everything).bind(arguments)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("arguments", ["", "  ", "{}", "null", '"{}"'])
def test_no_arguments_may_be_spelled_in_many_ways(arguments: str) -> None:
    def now() -> str:
        return "noon"

    assert FunctionTool(now).bind(arguments)() == "noon"


def test_names_that_pydantic_keeps_for_itself_are_fine() -> None:
    def odd(schema: int, _private: int, model_config: int, json: int = 4, copy: int = 5) -> Any:
        return schema, _private, model_config, json, copy

    given = '{"schema": 1, "_private": 2, "model_config": 3, "copy": 6}'
    assert set(parameters(odd)["properties"]) == {
        "schema",
        "_private",
        "model_config",
        "json",
        "copy",
    }
    assert FunctionTool(odd).bind(given)() == (1, 2, 3, 4, 6)


def test_every_kind_of_parameter_is_passed_its_own_way() -> None:
    def kinds(a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> Any:
        return a, b, rest, c, more

    tool = FunctionTool(kinds)
    assert tool.bind('{"a": 1, "b": 2, "d": 4}')() == (1, 2, (), 3, {"d": 4})
    assert set(parameters(kinds)["properties"]) == {"a", "b", "c"}


def test_a_default_that_json_has_no_word_for_stays_the_functions_own() -> None:
    missing = object()

    def look(name: str, default: Any = missing) -> Any:
        return default

    assert FunctionTool(look).bind('{"name": "x"}')() is missing


def test_methods_objects_and_partial_functions_are_tools() -> None:
    class Shop:
        """A shop."""

        def price(self, item: str) -> str:
            """Tell a price."""
            return f"{item}: 1"

        def __call__(self, item: str) -> str:
            return f"called {item}"

    method = FunctionTool(Shop().price)
    assert set(method.schema["function"]["parameters"]["properties"]) == {"item"}
    assert method.bind('{"item": "tea"}')() == "tea: 1"
    assert FunctionTool(Shop()).bind('{"item": "tea"}')() == "called tea"
    fixed = FunctionTool(functools.partial(in_google_style, b="y"))
    assert (fixed.name, fixed.bind('{"a": 1}')()) == ("in_google_style", "1y")


def test_a_function_without_hints_and_docs_takes_anything() -> None:
    def bare(a, b=2):
        return a, b

    tool = FunctionTool(bare)
    assert "description" not in tool.schema["function"]
    assert tool.bind('{"a": [1, {"b": null}]}')() == ([1, {"b": None}], 2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda x: x, "<lambda>"),
        ("weather", "a tool must be a function, not 'weather'"),
        (7, "a tool must be a function"),
        (Point, "a tool must be a function"),
        ({"name": "x"}, "not a tool"),
    ],
)
def test_what_is_no_tool_is_refused_in_two_lines(given: Any, words: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        resolve_tools([given])
    assert words in caught.value.message
    assert caught.value.hint


def test_parameters_that_cannot_come_from_json_are_refused() -> None:
    class Own:
        pass

    def takes_own(x: Own) -> None: ...

    def takes_unknown(x: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    takes_own.__annotations__ = {"x": Own}
    for function in (takes_own, takes_unknown):
        with pytest.raises(InvalidValueError, match="cannot come from JSON"):
            FunctionTool(function)
    with pytest.raises(InvalidValueError, match="cannot be called"):
        FunctionTool(中文)


def 中文() -> None: ...  # noqa: N802, PLC2401


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="two tools are called 'everything'"):
        resolve_tools([everything, everything])


def test_schemas_go_as_they_are_and_are_not_callable() -> None:
    bare = {"type": "function", "function": {"name": "theirs", "parameters": {}}}
    search = {"type": "web_search", "web_search": {"enable": True}}
    schemas, tools = resolve_tools([bare, everything, search])
    assert schemas[0] is bare
    assert schemas[2] is search
    assert set(tools) == {"everything"}


def test_a_field_of_pydantic_may_be_the_default() -> None:
    def find(
        x: int = Field(5, description="how many"), y: int = Field(description="needed")
    ) -> int:
        return x + y

    tool = FunctionTool(find)
    parameters = tool.schema["function"]["parameters"]
    assert parameters["properties"]["x"]["description"] == "how many"
    assert parameters["properties"]["x"]["default"] == 5
    assert parameters["required"] == ["y"]
    assert tool.bind('{"y": 1}')() == 6
    assert tool.bind('{"x": 2, "y": 1}')() == 3


def test_a_strict_model_takes_what_json_can_say() -> None:
    def meet(meeting: Meeting) -> str:
        return f"{meeting.day} {meeting.pair}"

    given = '{"meeting": {"day": "2026-11-21", "pair": [1, 2]}}'
    assert FunctionTool(meet).bind(given)() == "2026-11-21 (1, 2)"


def test_a_pattern_that_pydantic_cannot_read_is_told_in_two_lines() -> None:
    def bad(x: Annotated[str, Field(pattern=r"^(?!a).*")]) -> str:
        return x

    with pytest.raises(InvalidValueError, match="the parameters of bad cannot come from JSON"):
        FunctionTool(bad)


def test_a_default_without_a_form_in_json_is_left_out_of_the_schema() -> None:
    def find(limit: float = float("inf")) -> float:
        return limit

    tool = FunctionTool(find)
    json.dumps(tool.schema, allow_nan=False)
    assert tool.bind("{}")() == float("inf")
