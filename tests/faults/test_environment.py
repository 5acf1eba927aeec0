"""Proxies and certificates of the environment: each matters to the requests that need it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import proxy_bypass_environment

import pytest
import trustme

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.wire.proxies import is_exempt, proxy_for
from tests.faults.protocols import KEY, PROTOCOLS
from tests.servers.proxy import HttpProxy, SocksProxy
from tests.servers.raw_server import RawServer, Send, head

VLLM = next(protocol for protocol in PROTOCOLS if protocol.provider == "vllm")
WHOLE = Send(head() + VLLM.start + VLLM.rest)
FAR = "models.example"

pytestmark = pytest.mark.usefixtures("fresh_client")


@pytest.fixture(autouse=True)
def names_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name under ``.example`` be this computer."""
    look_up = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        return look_up("127.0.0.1" if name.endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer() as running:
        running.answer(WHOLE)
        yield running


@pytest.fixture
def proxy(server: RawServer) -> Iterator[HttpProxy]:
    with HttpProxy(server.port) as running:
        yield running


def ask(url: str) -> str:
    return glm.ask("Why?", **VLLM.asked(url)).answer


def ask_at(base_url: str) -> str:
    return glm.ask("Why?", **{**VLLM.asked(""), "base_url": base_url}).answer


def refused(url: str, kind: type[glm.GlmError] = errors.RefusedError) -> str:
    with pytest.raises(kind) as caught:
        ask(url)
    assert len(caught.value.lines()) == 2
    assert "hunter2" not in "\n".join(caught.value.lines())
    return "\n".join(caught.value.lines())


NO_PROXY = [
    # entry, host, port, taken out
    ("*", "any.example", 80, True),
    ("models.example", "models.example", 80, True),
    ("models.example", "MODELS.Example.", 80, True),
    ("MODELS.EXAMPLE.", "models.example", 80, True),
    ("models.example", "a.models.example", 80, True),
    (".models.example", "models.example", 80, True),
    (".models.example", "a.b.models.example", 80, True),
    ("models.example", "notmodels.example", 80, False),
    ("models.example", "models.example.org", 80, False),
    ("*.models.example", "a.models.example", 80, True),
    ("*.models.example", "models.example", 80, False),
    ("*.models.example", "xmodels.example", 80, False),
    ("models.example:8080", "models.example", 8080, True),
    ("models.example:8080", "models.example", 443, False),
    (".example:443", "models.example", 443, True),
    ("a,models.example", "models.example", 80, True),
    ("a models.example\tb", "models.example", 80, True),
    (" a , models.example , ", "models.example", 80, True),
    ("https://models.example", "models.example", 443, True),
    ("bücher.example", "xn--bcher-kva.example", 80, True),
    ("10.0.0.5", "10.0.0.5", 80, True),
    ("10.0.0.5", "10.0.0.50", 80, False),
    ("10.0.0.5:80", "10.0.0.5", 80, True),
    ("10.0.0.5:80", "10.0.0.5", 81, False),
    ("10.0.0.0/8", "10.9.8.7", 80, True),
    ("10.0.0.0/8", "11.0.0.1", 80, False),
    ("10.1.2.3/8", "10.9.8.7", 80, True),
    ("192.168.*", "192.168.4.5", 80, True),
    ("0.0.0.0/0", "8.8.8.8", 80, True),
    ("10.0.0.5", "::ffff:10.0.0.5", 80, True),
    ("::ffff:10.0.0.0/104", "10.9.8.7", 80, True),
    ("fd07:b51a:cc66::/64", "fd07:b51a:cc66::5", 80, True),
    ("fd07:b51a:cc66::/64", "fd07:b51a:cc67::5", 80, False),
    ("[fd07:b51a:cc66::]/64", "fd07:b51a:cc66::5", 80, True),
    ("[fd07:b51a:cc66::/64]", "[fd07:b51a:cc66::5]", 80, True),
    ("fd00::1", "FD00:0:0:0:0:0:0:1", 80, True),
    ("[fd00::1]", "fd00::1", 80, True),
    ("[fd00::1]:8080", "fd00::1", 8080, True),
    ("[fd00::1]:8080", "fd00::1", 80, False),
    ("fd00::1", "fd00::2", 80, False),
    ("fe80::/10", "fe80::1", 80, True),
    ("::/0", "10.0.0.1", 80, False),
    ("10.0.0.0/33,999.1.1.1,::/x,[::1,a:b:c,/8,.,..,;", "10.0.0.1", 80, False),
    ("10.0.0.0/33,999.1.1.1,::/x,[::1,a:b:c,/8,.,..,;", "models.example", 80, False),
    ("[::1,models.example", "models.example", 80, True),
    ("", "models.example", 80, False),
]


@pytest.mark.parametrize(("entries", "host", "port", "taken_out"), NO_PROXY)
def test_no_proxy_takes_out_what_it_names(
    entries: str, host: str, port: int, taken_out: bool
) -> None:
    assert is_exempt(entries, host, port) is taken_out


PLAIN = [row for row in NO_PROXY if row[0] and not set(row[0] + row[1]) & set("*/[:\tü;")]


@pytest.mark.parametrize(("entries", "host", "port", "taken_out"), PLAIN)
def test_python_itself_agrees_about_names(
    entries: str, host: str, port: int, taken_out: bool
) -> None:
    entries = ",".join(entries.replace(" ", ",").split(",")).rstrip(".").lower()
    exempt = proxy_bypass_environment(host.rstrip(".").lower(), {"no": entries})
    assert bool(exempt) is taken_out


CURL = [
    "*", "models.example", ".models.example", "other.example", "example", "a, models.example",
    "models.example:1", "10.0.0.0/8", "odels.example", "MODELS.example",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("entries", CURL)
def test_curl_goes_the_same_way(
    entries: str, server: RawServer, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", entries)
    url = f"http://{FAR}:{server.port}"
    subprocess.run(
        ["curl", "-s", "-o", os.devnull, "--resolve", f"{FAR}:{server.port}:127.0.0.1", url],
        check=True,
        timeout=30,
    )
    by_curl = len(proxy.targets)
    assert ask(url) == "Blue"
    assert len(proxy.targets) - by_curl == by_curl


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.9.1", "localhost", "LOCALHOST.", "a.localhost", "[::1]", "0.0.0.0",
     "[::ffff:127.0.0.1]", "[::]", "127.1", "2130706433"],
)  # fmt: skip
def test_this_computer_is_never_asked_through_a_proxy(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert proxy_for(f"http://{host}:8000/v1") is None


@pytest.mark.parametrize(
    "host",
    ["localhost.example", "127.0.0.1.example", "128.0.0.1", "[::2]", "mylocalhost", "1.127.0.0"],
)
def test_what_only_looks_like_this_computer_is(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    assert proxy_for(f"http://{host}:8000/v1") is not None


CHOSEN = [
    # the environment, the request, the proxy
    ({"HTTP_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "http", "http://a:1"),
    ({"HTTP_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "https", "http://b:2"),
    ({"HTTP_PROXY": "http://a:1"}, "https", None),
    ({"ALL_PROXY": "http://a:1"}, "https", "http://a:1"),
    ({"all_proxy": "http://a:1", "https_proxy": "http://b:2"}, "https", "http://b:2"),
    ({"all_proxy": "http://a:1", "https_proxy": "http://b:2"}, "http", "http://a:1"),
    ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}, "https", "http://b:2"),
    ({"HTTPS_PROXY": "http://a:1", "https_proxy": ""}, "https", None),
    ({"HTTPS_PROXY": "a:1"}, "https", "http://a:1"),
    ({"HTTPS_PROXY": "socks://a:1"}, "https", "socks5://a:1"),
    ({"HTTPS_PROXY": "SOCKS5H://a:1"}, "https", "socks5h://a:1"),
    ({"HTTPS_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}, "https", "http://a:1"),
    ({"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}, "http", None),  # a CGI script
    ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "models.example"}, "https", None),
    ({"HTTPS_PROXY": "http://a:1", "no_proxy": "models.example"}, "https", None),
]


@pytest.mark.parametrize(("variables", "scheme", "expected"), CHOSEN)
def test_the_scheme_of_a_request_chooses_the_variable(
    variables: dict[str, str],
    scheme: str,
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    setting = proxy_for(f"{scheme}://{FAR}/v1")
    assert (setting.url if setting else None) == expected
    assert "//a" not in repr(setting)


@pytest.mark.parametrize(
    "value",
    ["[::1]", "fd07:b51a:cc66::/64", "localhost,127.0.0.1,::1,fd07:b51a:cc66::/64", "[::1,a",
     "*.local, 169.254/16", "::", "http://[", "\u200b", ",,, ;"],
)  # fmt: skip
def test_nothing_in_no_proxy_stops_a_request(
    value: str, server: RawServer, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", value)
    assert ask(server.url) == "Blue"
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert ask(server.url) == "Blue"
    assert proxy.targets == []
    assert ask(f"http://{FAR}") == "Blue"
    assert proxy.targets == [FAR]


UNUSED = ["socks5://127.0.0.1:9", "socks://127.0.0.1:9", "socks4://127.0.0.1:9", "gopher://h:70",
          "::::", "http://[::1", "http://user:hunter2@h:port"]  # fmt: skip


@pytest.mark.parametrize("bad", UNUSED)
def test_a_proxy_that_a_request_does_not_use_stops_nothing(
    bad: str, server: RawServer, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Clash and GNOME set them: the general one is not needed."""
    monkeypatch.setenv("all_proxy", bad)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("https_proxy", bad)
    assert ask(server.url) == "Blue"
    assert ask(f"http://{FAR}") == "Blue"
    assert proxy.targets == [FAR]


NEEDED = {
    # what is set, and the words that name it
    "a strange scheme": ({"HTTP_PROXY": "gopher://h:70"}, "HTTP_PROXY is not the address"),
    "colons": ({"http_proxy": "::::"}, "http_proxy is not the address"),
    "half an address": ({"ALL_PROXY": "http://[::1"}, "ALL_PROXY is not the address"),
    "a port that is none": ({"all_proxy": "http://u:hunter2@h:port"}, "all_proxy is not"),
    "no host": ({"HTTP_PROXY": "http://"}, "HTTP_PROXY is not the address"),
    "SOCKS 4": ({"ALL_PROXY": "socks4://u:hunter2@h:1"}, "ALL_PROXY is a SOCKS 4 proxy"),
    "SOCKS 4a": ({"http_proxy": "socks4a://h:1"}, "http_proxy is a SOCKS 4 proxy"),
}


@pytest.mark.parametrize("case", NEEDED)
def test_a_proxy_that_is_needed_and_wrong_is_named(
    case: str, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables, words = NEEDED[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert words in refused(f"http://{FAR}:{server.port}")
    assert server.requests == []
    monkeypatch.setenv("NO_PROXY", ".example")
    assert ask(f"http://{FAR}:{server.port}") == "Blue", "no restart is needed"


def test_a_query_goes_through_a_proxy_whole(
    server: RawServer, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    assert ask_at(f"http://{FAR}/v1?api-version=1&api_key=s3cret-of-mine") == "Blue"
    sent = f"http://{FAR}/v1/chat/completions?api-version=1&api_key=s3cret-of-mine"
    assert proxy.heads[0].split(b" ")[1].decode() == sent


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", ["all_proxy", "ALL_PROXY"])
def test_a_proxy_that_does_not_run_is_named(
    scheme: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv(name, f"http://me:hunter2@127.0.0.1:{port}")
    text = refused(f"{scheme}://{FAR}", errors.ConnectionFailedError)
    assert f"no connection to the proxy in {name}" in text
    assert "NO_PROXY" in text


def test_a_certificate_behind_a_proxy_is_not_the_proxys_fault(
    secure: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy(secure.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        text = refused(f"https://{FAR}", errors.ConnectionFailedError)
    assert f"no secure connection to {FAR}" in text


def _has_socks() -> bool:
    try:
        import socksio  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize(
    ("variables", "named", "advised"),
    [
        ({"ALL_PROXY": "socks5://h:1"}, "ALL_PROXY", "set HTTP_PROXY to"),
        ({"all_proxy": "socks://h:1"}, "all_proxy", "set http_proxy to"),
        ({"HTTP_PROXY": "socks5h://h:1"}, "HTTP_PROXY", "set HTTP_PROXY to"),
    ],
)
def test_the_package_for_socks_is_named_where_it_is_needed(
    variables: dict[str, str], named: str, advised: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    text = refused(f"http://{FAR}", errors.UnavailableError)
    assert f"{named} is a SOCKS proxy" in text
    assert "pip install socksio" in text
    assert advised in text


@pytest.mark.skipif(not _has_socks(), reason="needs socksio")
@pytest.mark.parametrize("scheme", ["socks", "socks5", "socks5h"])
def test_a_socks_proxy_is_used(
    scheme: str, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SocksProxy(server.port) as socks:
        monkeypatch.setenv("all_proxy", socks.url.replace("socks5", scheme))
        assert ask(f"http://{FAR}:81") == "Blue"
        assert socks.targets == [f"{FAR}:81"]


def test_a_changed_variable_holds_for_the_next_request(
    server: RawServer, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://{FAR}:{server.port}"
    for expected in (0, 1, 1, 2):
        if expected == len(proxy.targets):
            monkeypatch.delenv("http_proxy", raising=False)
        else:
            monkeypatch.setenv("http_proxy", proxy.url)
        assert ask(url) == "Blue"
        assert len(proxy.targets) == expected


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[RawServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(FAR, "127.0.0.1").configure_cert(context)
    with RawServer(tls=context) as running:
        running.answer(WHOLE)
        yield running


def test_https_goes_through_a_tunnel_that_sees_no_key(
    secure: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with HttpProxy(secure.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:hunter2@"))
        assert ask(f"https://{FAR}") == "Blue"
        assert proxy.targets == [f"{FAR}:443"]
        assert b"Proxy-Authorization: Basic" in proxy.heads[0]
        assert KEY.encode() not in proxy.heads[0]
    assert secure.last.headers["authorization"] == f"Bearer {KEY}"
    assert "proxy-authorization" not in secure.last.headers


BAD_CERTIFICATES = {
    "a file that is not there": ("SSL_CERT_FILE", "/no/such/file.pem"),
    "a file without certificates": ("SSL_CERT_FILE", __file__),
    "a folder for a file": ("SSL_CERT_FILE", str(Path(__file__).parent)),
    "a folder that is not there": ("SSL_CERT_DIR", "/no/such/folder"),
}


@pytest.mark.parametrize("case", BAD_CERTIFICATES)
def test_bad_certificates_stop_https_alone(
    case: str,
    server: RawServer,
    secure: RawServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, value = BAD_CERTIFICATES[case]
    monkeypatch.setenv(name, value)
    assert ask(server.url) == "Blue"
    text = refused(secure.url)
    assert f"the certificates in {name} cannot be read" in text
    assert secure.requests == []
    monkeypatch.delenv(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert ask(secure.url) == "Blue", "no restart is needed"


@pytest.mark.parametrize("log", ["/no/such/folder/keys.log", "/", "keys.log"])
def test_a_key_log_that_cannot_be_written_is_left_out(
    log: str, secure: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSLKEYLOGFILE", log)
    assert ask(secure.url) == "Blue"
    assert (tmp_path / "keys.log").is_file() == (log == "keys.log")


def test_no_certificates_are_loaded_for_a_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay needs no network, so nothing that is wrong with it matters."""
    monkeypatch.setenv("HTTP_PROXY", "::::")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with RawServer() as here:
        here.answer(WHOLE)
        with glm.record("a.glmtape"):
            ask(here.url)
    with glm.replay("a.glmtape", speed=float("inf")):
        assert ask("http://models.example") == "Blue"
