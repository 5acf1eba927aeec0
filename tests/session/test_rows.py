"""What is saved of a session itself."""

from __future__ import annotations

import pytest

from glm_magic.engine.options import Options
from glm_magic.session.autosave import session_row


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("https://me:hunter2xyz@gateway.example/v1", "https://gateway.example/v1"),
        ("me:hunter2xyz@gateway.example/v1?a=1", "https://gateway.example/v1?a=1"),
        ("https://gateway.example/v1?a=1&api_key=hunter2xyz", "https://gateway.example/v1?a=1"),
        ("https://gateway.example/v1", "https://gateway.example/v1"),
        ("ftp://me:hunter2xyz@gateway.example", "ftp://gateway.example"),
    ],
)
def test_no_secret_of_an_address_is_saved(written: str, saved: str) -> None:
    _, values = session_row("id", "x", Options(base_url=written), None)
    options = next(value for value in values if "base_url" in str(value))
    assert f'"{saved}"' in options
    assert "hunter2xyz" not in repr(values)
