"""What a model wrote as arguments and name, and what of it can be used and sent back."""

from __future__ import annotations

import json

import pytest

from glm_magic.core.calls import (
    MAX_QUOTED_CHARS,
    UNNAMED,
    function_name,
    is_object,
    read_arguments,
    sendable_name,
)
from tests.linear import is_linear

AN_OBJECT = {"city": "Ulm"}
ONCE = json.dumps(AN_OBJECT)
TWICE = json.dumps(ONCE)

REPAIRED = [
    ("", {}),
    (" \n", {}),
    ("null", {}),
    ('""', {}),
    ('"null"', {}),
    ("{}{}", {}),
    (TWICE, AN_OBJECT),
    (json.dumps(TWICE), AN_OBJECT),
    (f"{{}}{ONCE}", AN_OBJECT),
    (f"{{}}\n{ONCE}", AN_OBJECT),
    (f"{ONCE}{{}}", AN_OBJECT),
    (ONCE * 2, AN_OBJECT),
    (f'{ONCE}{{ "city":"Ulm" }}', AN_OBJECT),
    ("\ufeff" + ONCE, AN_OBJECT),
    ('{"city": "Ulm",}', AN_OBJECT),
    ('{"days": [1, 2, ], }', {"days": [1, 2]}),
    ('{"text": ",}",}', {"text": ",}"}),
    ('{"code": "a\n\tb"}', {"code": "a\n\tb"}),
    ('{"half": "\\ud83d"}', {"half": "\ufffd"}),
]
NOT_MEANT = [
    ("{", "not JSON"),
    ('{"city": "Ul', "not JSON"),
    ('{"city": }', "not JSON"),
    ("{,}", "not JSON"),
    ("[1,,]", "not JSON"),
    ("Ulm", "not JSON"),
    ("{'city': 'Ulm'}", "not JSON"),
    ('{"city": NaN}', "NaN is not JSON"),
    ('{"city": 1e999}', "too large"),
    (f"{ONCE}]", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("7", "not a JSON object"),
    ("true", "not a JSON object"),
    ('"Ulm"', "not a JSON object"),
    ("[1]", "not a JSON object"),
    (f"[{ONCE}]", "not a JSON object"),
    (f'{ONCE}{{"city": "Oslo"}}', "not a JSON object, but 2 of them"),
]


@pytest.mark.parametrize(("written", "value"), REPAIRED, ids=range(len(REPAIRED)))
def test_what_can_only_mean_one_object_is_that_object(written: str, value: object) -> None:
    arguments = read_arguments(written)
    assert (arguments.value, json.loads(arguments.text), arguments.problem) == (value, value, "")
    arguments.text.encode()


@pytest.mark.parametrize(("written", "why"), NOT_MEANT, ids=range(len(NOT_MEANT)))
def test_anything_else_is_an_empty_object_and_a_reason_that_quotes_it(
    written: str, why: str
) -> None:
    arguments = read_arguments(written)
    assert (arguments.value, arguments.text) == ({}, "{}")
    assert why in arguments.problem
    assert written[:MAX_QUOTED_CHARS] in arguments.problem
    assert len(arguments.problem) < MAX_QUOTED_CHARS + 200


@pytest.mark.parametrize(
    "written", ["{}", ONCE, ' { "a" : [1, 2.50] }\n', '{"a": "\\ud83d\\ude00"}']
)
def test_an_object_stays_as_it_was_written(written: str) -> None:
    assert read_arguments(written).text == written
    assert is_object(written)


def test_a_call_that_was_cut_is_never_taken_for_whole() -> None:
    assert not any(is_object(written) for written, _ in [*REPAIRED, *NOT_MEANT])


@pytest.mark.usefixtures("quiet_heap")
@pytest.mark.parametrize("piece", ['\\"', "[,", "{}", ",", '"', "\\", "[{", '{"a":1}', "null "])
@pytest.mark.parametrize("start", ["", '{"a": "', "{"])
def test_reading_is_linear(start: str, piece: str) -> None:
    assert is_linear(lambda n: read_arguments(start + piece * n), 8_000, 80_000, quick_s=0.02)


OFFERED = ("get_weather", "get", "fs.read")


@pytest.mark.parametrize(
    "written",
    [
        "get_weather",
        "get_weather\n",
        " get_weather",
        '"get_weather"',
        "`get_weather`",
        "get_weather</arg_value>",
        "get_weather<arg_key>city</arg_key>",
        "get_weather<|observation|>",
        "get_weather({",
        "get_weather:0",
        "<tool_call>get_weather",
        "functions.get_weather",
        "functions.get_weather:0",
        "default_api:get_weather\n",
    ],
)
def test_a_name_loses_what_no_name_can_hold(written: str) -> None:
    assert function_name(written, OFFERED) == "get_weather"
    assert function_name(written, ["get_weather"]) == "get_weather"
    assert sendable_name(written, OFFERED) == "get_weather"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("fs.read", "fs.read"),
        ("functions.fs.read\n", "fs.read"),
        ("get", "get"),
        ("other\n", "other"),
        ("", ""),
        ("\n", ""),
        ("</arg_value>", ""),
    ],
)
def test_names_are_compared_with_the_functions_that_were_offered(written: str, name: str) -> None:
    assert function_name(written, OFFERED) == name


def test_points_are_cut_where_no_function_has_any() -> None:
    assert function_name("other.thing", ["get_weather"]) == "other"
    assert function_name("other.thing", []) == "other.thing"


@pytest.mark.parametrize(
    ("written", "sent"), [("", UNNAMED), ("\n", UNNAMED), ("天 气", UNNAMED), ("a b", "a")]
)
def test_what_goes_back_is_a_name(written: str, sent: str) -> None:
    assert sendable_name(written) == sent


def test_a_name_of_any_script_that_was_offered_goes_back_as_it_is() -> None:
    assert sendable_name("天气\n", ["天气"]) == "天气"
    assert sendable_name("天气") == "天气"
    assert sendable_name("天气", ["get_weather"]) == UNNAMED
