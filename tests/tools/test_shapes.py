"""Shapes of answers: their schemas, and reading by them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypedDict

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from glm_magic.core.errors import InvalidValueError
from glm_magic.tools.output_schema import OutputMismatchError, OutputSchema
from glm_magic.tools.results import records_of


class City(BaseModel):
    """A city."""

    name: str
    people: int = Field(ge=0)
    founded: date | None = None


@dataclass
class Point:
    x: float
    y: float


class Entry(TypedDict):
    word: str
    pages: list[int]


class Tree(BaseModel):
    label: str
    below: list[Tree] = []


SCHEMA = {
    "title": "town",
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer", "minimum": 0}},
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("given", "answer", "value"),
    [
        (City, '{"name": "Ulm", "people": 126000}', City(name="Ulm", people=126000)),
        (
            City,
            '{"name": "Ulm", "people": 1, "founded": "0854-07-22"}',
            City(name="Ulm", people=1, founded=date(854, 7, 22)),
        ),
        (Point, '{"x": 1, "y": 2.5}', Point(1, 2.5)),
        (Entry, '{"word": "sky", "pages": [1, 2]}', {"word": "sky", "pages": [1, 2]}),
        (list[Point], '{"items": [{"x": 1, "y": 2}]}', [Point(1, 2)]),
        (list[Point], '[{"x": 1, "y": 2}]', [Point(1, 2)]),
        (int, '{"value": 7}', 7),
        (Literal["yes", "no"], '{"value": "no"}', "no"),
        (City | None, '{"value": null}', None),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (
            Tree,
            '{"label": "a", "below": [{"label": "b"}]}',
            Tree(label="a", below=[Tree(label="b")]),
        ),
        (SCHEMA, '{"name": "Ulm", "n": 3}', {"name": "Ulm", "n": 3}),
        ({"name": "x", "schema": SCHEMA}, '{"name": "Ulm"}', {"name": "Ulm"}),
        ({"type": "array", "items": {"type": "integer"}}, '{"items": [1]}', [1]),
    ],
)
def test_an_answer_is_read_by_its_shape(given: Any, answer: str, value: Any) -> None:
    shape = OutputSchema(given)
    assert shape.read(answer) == value
    assert shape.wire_schema.get("type") == "object" or given == (City | None)
    Draft202012Validator.check_schema(shape.wire_schema)
    if answer[0] == "{":
        Draft202012Validator(shape.wire_schema).validate(json.loads(answer))
    assert json.dumps(shape.wire_schema, ensure_ascii=False) in shape.prompt
    assert "json" in shape.prompt.lower()


@pytest.mark.parametrize(
    "answer",
    [
        '```json\n{"x": 1, "y": 2}\n```',
        '  \n```\n{"x": 1, "y": 2}```\n',
        'Here it is: {"x": 1, "y": 2}. Is that well?',
        '{not json} but {"x": 1, "y": 2}',
        '\n\n{"x": 1, "y": 2}',
    ],
)
def test_words_and_fences_around_the_json_do_no_harm(answer: str) -> None:
    assert OutputSchema(Point).read(answer) == Point(1, 2)


@pytest.mark.parametrize(
    ("given", "answer", "words"),
    [
        (Point, "I do not know.", "it is not JSON"),
        (Point, "", "it is not JSON"),
        (Point, '{"x": 1', "it is not JSON"),
        (Point, '{"x": 1}', "y: Field required"),
        (Point, '{"x": "much", "y": 2}', "x: Input should be a valid number"),
        (City, '{"name": "Ulm", "people": -1}', "people: Input should be greater"),
        (list[Point], '{"items": [{"x": 1, "y": 2}, {}]}', "1.x: Field required"),
        (SCHEMA, '{"n": 1}', "'name' is a required property"),
        (SCHEMA, '{"name": "Ulm", "n": -1}', "n: -1 is less than the minimum"),
        (SCHEMA, "[" * 100_000, "it is not JSON"),
        (SCHEMA, "null", "is not of type 'object'"),
    ],
)
def test_what_does_not_fit_is_told_place_by_place(given: Any, answer: str, words: str) -> None:
    with pytest.raises(OutputMismatchError) as caught:
        OutputSchema(given).read(answer)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "not a JSON schema"),
        ({"city": "string"}, "not a JSON schema"),
        ({"type": "strange"}, "not a JSON schema"),
        ({"type": "object", "properties": 7}, "not a JSON schema"),
        ("City", "'City' is not a schema"),
        (7, "7 is not a schema"),
        (json, "has no JSON schema"),
        (print, "is not a schema"),
    ],
)
def test_what_is_no_schema_is_refused_in_two_lines(given: Any, words: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        OutputSchema(given)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("value", "records"),
    [
        ([City(name="a", people=1)], [{"name": "a", "people": 1, "founded": None}]),
        ([Point(1, 2)], [{"x": 1, "y": 2}]),
        ({"items": [{"a": 1}], "note": "x"}, [{"a": 1}]),
        ([], None),
        ([1, 2], None),
        ({"a": [{"b": 1}], "c": [{"d": 1}]}, None),
        ("text", None),
        (None, None),
    ],
)
def test_records_are_found(value: Any, records: Any) -> None:
    assert records_of(value) == records


CITY = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.mark.parametrize("place", ["$defs", "definitions"])
def test_parts_of_a_schema_are_found_where_it_keeps_them(place: str) -> None:
    items = {"type": "array", "items": {"$ref": f"#/{place}/City"}, place: {"City": CITY}}
    shape = OutputSchema(items)
    Draft202012Validator(shape.wire_schema).validate({"items": [{"name": "Ulm"}]})
    assert shape.read('{"items": [{"name": "Ulm"}]}') == [{"name": "Ulm"}]
    whole = OutputSchema({"$ref": f"#/{place}/City", place: {"City": CITY}})
    assert whole.key == ""
    Draft202012Validator(whole.wire_schema).validate({"name": "Ulm"})


def test_a_schema_that_refers_to_its_whole_does_so_where_it_is_sent() -> None:
    shape = OutputSchema({"type": "array", "items": {"$ref": "#"}})
    Draft202012Validator(shape.wire_schema).validate({"items": [[], [[]]]})
    assert list(Draft202012Validator(shape.wire_schema).iter_errors({"items": [1]}))
    assert shape.read("[[], [[]]]") == [[], [[]]]


@pytest.mark.parametrize("reference", ["#/$defs/Nope", "#/x/0", "https://example.org/a.json"])
def test_a_reference_that_leads_nowhere_is_refused_before_asking(reference: str) -> None:
    with pytest.raises(InvalidValueError, match="there is nothing at"):
        OutputSchema({"type": "object", "properties": {"a": {"$ref": reference}}})
