"""What a function returns, as text for the model."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from glm_magic.tools.results import MAX_CHARACTERS, failure_text, result_text
from glm_magic.tools.tool import ToolError


@dataclass
class Point:
    x: int
    when: date


class Size(BaseModel):
    width: int


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain 短 text", "plain 短 text"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (21.5, "21.5"),
        ({"a": [1, None], "b": "短"}, '{"a":[1,null],"b":"短"}'),
        (Point(1, date(2026, 11, 21)), '{"x":1,"when":"2026-11-21"}'),
        ([Size(width=2)], '[{"width":2}]'),
        (Decimal("0.10"), '"0.10"'),
        (float("nan"), '"NaN"'),
        (b"\xff\x00", '"_wA="'),
        (np.arange(3), "[0,1,2]"),
        (np.float64(1.5), "1.5"),
        ({"n": np.int64(3)}, '{"n":3}'),
        ({1}, "[1]"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_a_result_is_text_or_json(value: Any, text: str) -> None:
    assert result_text(value) == text


def test_a_table_is_shown_as_one_and_capped() -> None:
    frame = pd.DataFrame({"city": ["Paris"] * 1000, "t": range(1000)})
    text = result_text(frame)
    assert text.startswith("1,000 rows × 2 columns (city ")
    assert "first 20 of 1,000 rows" in text
    assert "| 19 | Paris | 19 |" in text
    assert "| 20 |" not in text
    assert "3 values (int64)" in result_text(pd.Series([1, 2, 3]))
    assert "1 rows × 1 columns" in result_text({"frame": pd.DataFrame({"a": [1]})})


def test_ten_megabytes_are_cut_and_say_so() -> None:
    text = result_text("x" * 10_000_000)
    assert text.endswith(f"… (first {MAX_CHARACTERS:,} of 10,000,000 characters)")
    assert len(text) < MAX_CHARACTERS + 100
    assert len(result_text([{"row": n} for n in range(300_000)])) < MAX_CHARACTERS + 100


def test_what_json_cannot_hold_is_written_as_python_shows_it() -> None:
    assert result_text(threading.Lock()).startswith('"<unlocked _thread.lock object')
    loop: dict[str, Any] = {}
    loop["self"] = loop
    assert result_text(loop) == "{'self': {...}}"
    assert "lambda" in result_text({"f": lambda: None})


def test_a_result_that_cannot_even_be_shown_is_an_error_for_the_model() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no picture")

    with pytest.raises(ToolError, match=r"returned Broken, which cannot be shown: .*no picture"):
        result_text(Broken())


def test_of_a_generator_that_never_ends_the_first_items_are_taken() -> None:
    assert result_text(itertools.count()).startswith("[0,1,2,3,")
    assert result_text(n * n for n in range(4)) == "[0,1,4,9]"


def test_a_failure_names_its_line_in_the_users_function() -> None:
    def divide() -> float:
        return 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        divide()
    line = divide.__code__.co_firstlineno + 1
    assert (
        failure_text(caught.value, divide)
        == f"ZeroDivisionError: division by zero (line {line} of divide)"
    )
    assert failure_text(KeyError("x")) == "KeyError: 'x'"
    assert failure_text(ValueError()) == "ValueError"


@pytest.mark.parametrize(("count", "cut"), [(1000, False), (1001, True)])
def test_a_generator_that_gives_more_than_is_told_says_so(count: int, cut: bool) -> None:
    text = result_text(n for n in range(count))
    assert text.startswith("[0,1,2,")
    assert ("(first 1,000 items)" in text) is cut
    assert "999]" in text
