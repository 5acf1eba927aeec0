"""An error says what happened and what to do, in two or three lines."""

from __future__ import annotations

import pickle

import pytest

from glm_magic.core import errors
from glm_magic.core.errors import GlmError, MissingKeyError, RateLimitError


def test_an_error_is_two_lines_and_its_particulars():
    error = RateLimitError(
        "too fast", hint="wait", provider="zai", status=429, code="1302", request_id="abc"
    )
    assert error.lines() == [
        "RateLimitError: too fast",
        "→ wait",
        "  (zai · HTTP 429 · code 1302 · request abc)",
    ]
    assert error._render_traceback_() == error.lines()


def test_the_full_traceback_is_there_when_wanted(monkeypatch):
    monkeypatch.setattr(GlmError, "full_traceback", True)
    try:
        raise MissingKeyError("no key", hint="set one")
    except MissingKeyError as error:
        text = "\n".join(error._render_traceback_())
    assert "Traceback" in text
    assert "test_errors.py" in text


def test_an_error_survives_pickling_with_what_it_knows():
    error = pickle.loads(pickle.dumps(RateLimitError("m", hint="h", status=429, retryable=True)))
    assert (error.message, error.hint, error.status, error.retryable) == ("m", "h", 429, True)


@pytest.mark.parametrize("name", [n for n in vars(errors) if n.endswith("Error")])
def test_every_error_belongs_to_one_tree_and_is_drawn_in_it(name):
    cls = getattr(errors, name)
    assert issubclass(cls, GlmError)
    assert name in (errors.__doc__ or "")
    assert isinstance(cls("x").hint, str)
