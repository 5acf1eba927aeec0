"""Every option is written once: line, keywords and docstring agree with the fields."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError
from glm_magic.engine.keywords import AskKeywords, to_options
from glm_magic.engine.options import GROUPS, KEYWORDS, Options
from glm_magic.magic.line.options import OPTIONS, MagicOptions

HELD_OTHERWISE = {"api_key", "attach", "mcp", "tools"}
"""A key is sealed, lists are kept as tuples, values are made pictures."""


def alternatives(hint: Any) -> set[Any]:
    return set(get_args(hint) or [hint]) - {type(None)}


def test_the_keywords_for_type_checkers_are_those_of_the_fields():
    assert set(AskKeywords.__annotations__) == set(KEYWORDS)
    keywords, held = get_type_hints(AskKeywords), get_type_hints(Options)
    for name, keyword in KEYWORDS.items():
        if keyword.field != "parameters" and name not in HELD_OTHERWISE:
            assert alternatives(keywords[name]) == alternatives(held[keyword.field]), name


@pytest.mark.parametrize(
    "function",
    [glm.ask, glm.aask, glm.stream, glm.astream, glm.compare, glm.Session.ask, glm.Session.stream],
)
def test_signature_and_docstring_have_every_keyword(function):
    parameters = inspect.signature(function).parameters
    doc = inspect.getdoc(function)
    for name, keyword in KEYWORDS.items():
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert f"\n{name} : {keyword.type}, optional\n" in doc
    assert doc.index("\nParameters\n") < doc.index("\nReturns\n")
    assert max(map(len, doc.splitlines())) <= 100


def test_the_table_is_in_groups_whichever_class_an_option_belongs_to():
    order = [GROUPS.index(option.group) for option in OPTIONS]
    assert order == sorted(order)
    written = {option.field for option in OPTIONS}
    assert {field.name for field in fields(MagicOptions)} - written == {
        "api_key", "base_url", "given", "idle_timeout_s", "inserted", "notices", "preserve",
        "prompt", "tool_timeout_s",
    }  # fmt: skip


def test_keywords_become_options():
    options = to_options(
        {"temperature": 0.5, "params": {"seed": 1, "temperature": 1}, "tools": [len], "mcp": None}
    )
    assert options == Options(parameters={"temperature": 1, "seed": 1}, tools=(len,))
    assert to_options({"thinking": False}).thinking is False


def test_the_key_is_not_in_a_message_about_it():
    with pytest.raises(InvalidValueError, match="api_key takes a string, not list") as caught:
        to_options({"api_key": ["sk-1"]})
    assert "sk-1" not in str(caught.value)
