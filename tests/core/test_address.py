"""Addresses as people paste them, and what may be shown of them."""

from __future__ import annotations

import pytest

from glm_magic.core.address import BaseUrl, called_path, is_this_computer, shown_url, split

NATIVE = "/services/aigc/text-generation/generation"
WRITTEN = [
    # as written, the address, its query
    ("https://api.z.ai/api/paas/v4", "https://api.z.ai/api/paas/v4", ""),
    ("https://api.z.ai/api/paas/v4///", "https://api.z.ai/api/paas/v4", ""),
    ("  https://api.z.ai/api/paas/v4\n", "https://api.z.ai/api/paas/v4", ""),
    ("\ufeffhttps://api.z.ai/api/paas/v4\u200b", "https://api.z.ai/api/paas/v4", ""),
    *((f"{left}https://host.example/v1{right}", "https://host.example/v1", "")
      for left, right in ('""', "''", "<>", "“”", "「」", "``", "()")),
    ("api.z.ai/api/paas/v4", "https://api.z.ai/api/paas/v4", ""),
    ("//api.z.ai/api/paas/v4", "https://api.z.ai/api/paas/v4", ""),
    ("api.z.ai:8443/v4", "https://api.z.ai:8443/v4", ""),
    ("API.Z.AI/v4", "https://API.Z.AI/v4", ""),
    ("HTTPS://host.example/v1", "https://host.example/v1", ""),
    ("localhost:8000/v1", "http://localhost:8000/v1", ""),
    ("localhost/v1", "http://localhost/v1", ""),
    ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", ""),
    ("127.9.9.9:8000", "http://127.9.9.9:8000", ""),
    ("[::1]:8000/v1", "http://[::1]:8000/v1", ""),
    ("0.0.0.0:8000/v1", "http://0.0.0.0:8000/v1", ""),
    ("a.localhost:8000/v1", "http://a.localhost:8000/v1", ""),
    ("http://gpu:8000/v1", "http://gpu:8000/v1", ""),
    *((f"https://h.example/v1{end}", "https://h.example/v1", "")
      for end in ("/chat/completions", "/chat/completions/", "/completions", "/models/",
                  "/responses", "/Chat/Completions")),
    (f"https://dashscope.aliyuncs.com/api/v1{NATIVE}", "https://dashscope.aliyuncs.com/api/v1", ""),
    (f"dashscope.aliyuncs.com/api/v1{NATIVE}/", "https://dashscope.aliyuncs.com/api/v1", ""),
    ("https://x.ai.example/models", "https://x.ai.example/models", ""),
    ("https://x.ai.example/models/chat/completions?api-version=1", "https://x.ai.example/models",
     "api-version=1"),
    ("https://h.example/openai/deployments/glm/chat/completions?api-version=2024-10-21",
     "https://h.example/openai/deployments/glm", "api-version=2024-10-21"),
    ("https://h.example/v1/?a=1&b=2", "https://h.example/v1", "a=1&b=2"),
    ("https://h.example/v1?", "https://h.example/v1", ""),
    ("https://h.example/v1#section", "https://h.example/v1", ""),
    ("https://h.example/v1?a=1#section", "https://h.example/v1", "a=1"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "address", "query"), WRITTEN)
def test_an_address_is_understood_as_it_is_pasted(written: str, address: str, query: str) -> None:
    assert split(written) == (address, "", query)


@pytest.mark.parametrize(
    "written",
    ["", "   ", "zai", "host/v1", "host:80", "gpu:8000/v1", "10.0.0.1:8000/v1", "ftp://h.example",
     "https:/h.example/v1", "https://", "https:///v1", "http://:80", "http://h.example:port/v1",
     "http://h:99999", "http://[::1", "https://a b.example/v1", "https:\\\\h.example", "localhost",
     "file:///etc/passwd", "$GLM_BASE_URL", "javascript:alert(1)"],
)  # fmt: skip
def test_what_may_be_anything_is_no_address(written: str) -> None:
    """Without a scheme, a host without a domain may speak either, and a key would be at stake."""
    assert split(written) is None


@pytest.mark.parametrize(
    ("written", "login"),
    [
        ("https://me:pw@h.example/v1", "me:pw"),
        ("me:pw@h.example/v1", "me:pw"),
        ("//me:pw@h.example/v1", "me:pw"),
        ("me@127.0.0.1:80/v1", "me"),
        ("https://me:p%40w@h.example/v1", "me:p%40w"),
        ("https://me:p@w@h.example/v1", "me:p@w"),
    ],
)
def test_a_login_is_taken_off(written: str, login: str) -> None:
    parts = split(written)
    assert parts is not None
    assert parts[1] == login
    assert "@" not in parts[0]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://me:pw@h.example/v1", "https://h.example/v1"),
        ("me:pw@h.example/v1", "h.example/v1"),
        ("//me:pw@h.example/v1", "//h.example/v1"),
        ("https://h.example/a@b", "https://h.example/a@b"),
        ("https://h/v1?api_key=x&v=1", "https://h/v1?api_key=***&v=1"),
        ("https://h/v1?KEY=x", "https://h/v1?KEY=***"),
        ("https://h/v1?access_token=x&subscription-key=y",
         "https://h/v1?access_token=***&subscription-key=***"),
        ("https://h/v1?sig=x&password=y#token=z", "https://h/v1?sig=***&password=***"),
        ("https://h/v1?api-version=2024", "https://h/v1?api-version=2024"),
    ],
)  # fmt: skip
def test_secrets_are_not_shown(written: str, shown: str) -> None:
    assert shown_url(written) == shown
    assert repr(BaseUrl(written)) == repr(shown)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("127.0.0.1", True), ("127.1", True), ("0x7f000001", True), ("localhost.", True),
        ("a.LOCALHOST", True), ("::1", True), ("[::1]", True), ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True), ("::", True), ("128.0.0.1", False), ("localhost.example", False),
        ("127.0.0.1.example", False), ("::2", False), ("", False), ("gpu", False),
    ],
)  # fmt: skip
def test_this_computer_is_known_by_its_addresses(host: str, is_here: bool) -> None:
    assert is_this_computer(host) is is_here


def test_the_path_of_a_call_is_known() -> None:
    assert called_path(f"https://h/api/v1{NATIVE}/?a=1") == NATIVE
    assert called_path("https://h/v1") == ""
