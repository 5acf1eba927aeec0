"""A key does not get out by accident."""

from __future__ import annotations

import copy
import pickle

import pytest

from glm_magic.core.secret import Secret

KEY = "not-a-real-key-1234"


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda s: f"{s!r:>40}"])
def test_a_secret_shows_its_source_and_not_its_value(show):
    text = show(Secret(KEY, "SOME_VARIABLE"))
    assert "SOME_VARIABLE" in text
    assert KEY not in text


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_neither_pickled_nor_copied(duplicate):
    with pytest.raises(TypeError, match="never pickled"):
        duplicate(Secret(KEY, "SOME_VARIABLE"))


def test_a_secret_has_no_dictionary_to_look_into():
    assert not hasattr(Secret(KEY, "x"), "__dict__")
    assert Secret(KEY, "x").reveal() == KEY


def test_a_sealed_secret_is_pickled_and_shows_nothing() -> None:
    secret = Secret("sk-0123456789", "ZAI_API_KEY", login="me:a%20password", query="token=abcdefgh")
    sealed = secret.sealed()
    data = pickle.dumps(sealed)
    for part in (b"sk-0123456789", b"password", b"abcdefgh"):
        assert part not in data
    assert repr(sealed) == "<sealed key>"
    opened = pickle.loads(data).opened()
    assert opened.authorization() == secret.authorization()
    assert (opened.source, opened.query()) == ("ZAI_API_KEY", "token=abcdefgh")
    assert opened.has_login
    assert pickle.dumps(secret.sealed()) != data
