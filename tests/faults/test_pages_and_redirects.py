"""A web page keeps the status it came with; a redirect is followed at home, and told elsewhere."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import pytest

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.wire.redirects import LOCATION, MAX_HOPS, _target
from tests.faults.protocols import KEY, PROTOCOLS, Protocol
from tests.servers.listener import Connection, Recorded
from tests.servers.raw_server import RawServer, Send, head, reply

BY_NAME = {protocol.provider: protocol for protocol in PROTOCOLS}
VLLM = BY_NAME["vllm"]
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda t: t.provider)
PAGE = b"<!DOCTYPE html><html><head><title>Oh &amp; no</title></head><body>private</body></html>"


def page(status: str, **headers: str) -> Send:
    return reply(PAGE, status, "text/html", headers)


def whole(protocol: Protocol) -> Send:
    return Send(head() + protocol.start + protocol.rest)


PAGES = {
    "401 Unauthorized": (errors.AuthenticationError, "key"),
    "402 Payment Required": (errors.BillingError, "top it up"),
    "403 Forbidden": (errors.AccessDeniedError, "permission"),
    "404 Not Found": (errors.NotFoundError, "base URL"),
    "405 Method Not Allowed": (errors.NotFoundError, "base URL"),
    "413 Content Too Large": (errors.ContextLengthError, "shorten"),
    "500 Internal Server Error": (errors.ServerError, "run the cell again"),
    "502 Bad Gateway": (errors.ServerError, "run the cell again"),
    "503 Service Unavailable": (errors.ServerError, "run the cell again"),
    "504 Gateway Timeout": (errors.ServerError, "took too long"),
    "520 Unknown": (errors.ServerError, "run the cell again"),
    "521 Down": (errors.ServerError, "unreachable"),
    "522 Timed Out": (errors.ServerError, "took too long"),
    "523 Unreachable": (errors.ServerError, "unreachable"),
    "524 Timeout": (errors.ServerError, "took too long"),
    "529 Overloaded": (errors.ServerError, "overloaded"),
    "200 OK": (errors.NotAnApiError, "/v1"),
    "400 Bad Request": (errors.NotAnApiError, "/v1"),
    "418 I'm a teapot": (errors.NotAnApiError, "/v1"),
}


@every_protocol
@pytest.mark.parametrize("status", PAGES)
def test_a_page_says_what_its_status_says(
    raw_server: RawServer, protocol: Protocol, status: str
) -> None:
    raw_server.answer(page(status))
    kind, hint = PAGES[status]
    with pytest.raises(glm.GlmError) as caught:
        glm.ask("Why?", **protocol.asked(raw_server.url))
    error = caught.value
    assert type(error) is kind
    assert hint in error.hint
    assert "Oh & no" in error.message
    assert "private" not in "\n".join(error.lines())
    assert status == "200 OK" or error.status == int(status[:3])
    assert len(raw_server.requests) == 1


@every_protocol
@pytest.mark.parametrize(
    "refused",
    [page("429 Too Many"), page("429 Too Many", **{"Retry-After": "0"}),
     page("503 Unavailable", **{"Retry-After": "0"})],
    ids=["429", "429 with a time", "503 with a time"],
)  # fmt: skip
def test_a_page_that_turns_a_request_away_is_tried_again(
    raw_server: RawServer, protocol: Protocol, refused: Send
) -> None:
    raw_server.answer_in_turn([refused], [refused], [whole(protocol)])
    assert glm.ask("Why?", **protocol.asked(raw_server.url)).answer == "Blue"
    assert len(raw_server.requests) == 3


def test_a_page_may_ask_for_a_long_wait(raw_server: RawServer) -> None:
    raw_server.answer(page("429 Too Many", **{"Retry-After": "120"}))
    with pytest.raises(errors.RateLimitError, match="asks to wait 120 s"):
        glm.ask("Why?", **VLLM.asked(raw_server.url))
    assert len(raw_server.requests) == 1


# ── redirects ────────────────────────────────────────────────────────────────────────────────────


def moved(location: str, status: str = "307 Temporary Redirect", body: bytes = b"") -> Send:
    return reply(body, status, "text/html", {"Location": location})


FOLLOWED = ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect")


@every_protocol
@pytest.mark.parametrize("status", FOLLOWED)
@pytest.mark.parametrize("body", [b"", PAGE], ids=["bare", "with a page"])
def test_a_move_within_the_server_is_followed_with_the_same_request(
    raw_server: RawServer, protocol: Protocol, status: str, body: bytes
) -> None:
    raw_server.answer_in_turn([moved("/new/place?a=b", status, body)], [whole(protocol)])
    assert glm.ask("Why?", **protocol.asked(raw_server.url)).answer == "Blue"
    first, second = raw_server.requests
    assert (second.method, second.path) == ("POST", "/new/place?a=b")
    assert (second.body, second.headers) == (first.body, first.headers)
    assert KEY in second.headers["authorization"]


@pytest.mark.parametrize("location", ["./completions/", "completions/", "{url}/v1/x", "//{host}/x"])
def test_an_address_is_resolved_against_the_one_asked(raw_server: RawServer, location: str) -> None:
    host = raw_server.url.removeprefix("http://")
    location = location.format(url=raw_server.url, host=host)
    raw_server.answer_in_turn([moved(location)], [whole(VLLM)])
    assert glm.ask("Why?", **VLLM.asked(raw_server.url)).answer == "Blue"
    assert raw_server.last.path in ("/v1/chat/completions/", "/v1/x", "/x")


def test_three_hops_are_followed_and_no_more(raw_server: RawServer) -> None:
    hops = [[moved(f"/hop/{number}")] for number in range(MAX_HOPS)]
    raw_server.answer_in_turn(*hops, [whole(VLLM)])
    assert glm.ask("Why?", **VLLM.asked(raw_server.url)).answer == "Blue"
    before = len(raw_server.requests)
    raw_server.answer_in_turn(*[[moved(f"/hop/{number}")] for number in range(9)])
    error = refused(VLLM, raw_server)
    assert "circle, or more than 3 times" in error.message
    assert len(raw_server.requests) == before + 1 + MAX_HOPS


@pytest.mark.parametrize("location", ["", "/v1/chat/completions", "/a"])
def test_a_circle_is_noticed(raw_server: RawServer, location: str) -> None:
    raw_server.answer(moved(location or "#"))
    error = refused(VLLM, raw_server)
    assert error.status == 307
    assert len(raw_server.requests) <= 2


def refused(protocol: Protocol, server: RawServer, **options: Any) -> glm.GlmError:
    with pytest.raises(errors.NotFoundError) as caught:
        glm.ask("Why?", **protocol.asked(server.url, **options))
    assert len(caught.value.lines()) <= 3
    assert caught.value.hint
    return caught.value


@every_protocol
@pytest.mark.parametrize("status", [*FOLLOWED, "303 See Other"])
@pytest.mark.parametrize("body", [b"", PAGE], ids=["bare", "with a page"])
def test_another_host_is_told_without_its_secrets_and_gets_nothing(
    raw_server: RawServer, protocol: Protocol, status: str, body: bytes
) -> None:
    with RawServer() as elsewhere:
        address = f"http://bob:hunter2@127.0.0.1:{elsewhere.port}/login?token=s3cret#{KEY}"
        raw_server.answer(moved(address, status, body))
        error = refused(protocol, raw_server)
        assert f"http://127.0.0.1:{elsewhere.port}/login" in error.message
        assert error.status == int(status[:3])
        assert (error.provider, "base_url" in error.hint) == (protocol.provider, True)
        shown = repr(vars(error)) + str(error)
        assert not any(secret in shown for secret in ("hunter2", "s3cret", KEY, "bob"))
        assert (len(raw_server.requests), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize(
    "location",
    [f"/x/{KEY}/y", "http://[::1", "ftp://h/x", "http://", "\x7f", "javascript:alert(1)"],
)
@pytest.mark.parametrize("status", ["303 See Other", "300 Multiple Choices", "305 Use Proxy"])
def test_any_address_is_safe_to_show(raw_server: RawServer, location: str, status: str) -> None:
    raw_server.answer(moved(location, status))
    error = refused(VLLM, raw_server)
    assert KEY not in repr(vars(error)) + str(error)
    assert len(raw_server.requests) == 1


@pytest.mark.parametrize(
    ("here", "there", "follows"),
    [
        ("http://h/v1/x", "https://h/v1/x", True),
        ("http://h:80/v1/x", "https://h:443/v1/x", True),
        ("http://h:8000/v1/x", "https://h:8000/v1/x", True),
        ("http://h/v1/x", "https://h/v1/x/", True),
        ("http://h/x", "https://H/x", True),
        ("https://h/x", "http://h/x", False),
        ("https://h/x", "https://h:8443/x", False),
        ("http://h/x", "https://h:8443/x", False),
        ("http://h/x", "http://h:81/x", False),
        ("http://h/x", "https://h.evil/x", False),
        ("http://h/x", "https://h@evil/x", False),
        ("http://h/x", "//evil/x", False),
        ("http://api.h/x", "http://h/x", False),
    ],
)
def test_what_counts_as_the_same_server(here: str, there: str, follows: bool) -> None:
    for status in (301, 302, 303, 307, 308):
        response = httpx.Response(
            status, extensions={LOCATION: there}, request=httpx.Request("POST", here)
        )
        assert (_target(response) is not None) == (follows and status != 303)


class BothWays(RawServer):
    """Speaks plain HTTP and TLS on one port, as a server does that sends plain clients on."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._context = context
        self.secured: list[bool] = []

    def _serve(self, sock: Any) -> None:
        is_secured = sock.recv(1, 2) == b"\x16"  # MSG_PEEK; a TLS handshake begins so
        super()._serve(self._context.wrap_socket(sock, server_side=True) if is_secured else sock)

    def respond(self, request: Recorded, connection: Connection) -> bool:
        self.secured.append(isinstance(connection._sock, ssl.SSLSocket))
        return super().respond(request, connection)


@pytest.mark.usefixtures("fresh_client")
def test_a_plain_request_follows_to_the_same_host_secured(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trustme

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with BothWays(context) as server:
        secure = server.url.replace("http://", "https://")
        server.answer_in_turn([moved(secure + "/v1/chat/completions")], [whole(VLLM)])
        assert glm.ask("Why?", **VLLM.asked(server.url)).answer == "Blue"
        assert server.secured == [False, True]


def test_a_tape_holds_the_reply_and_not_the_way_to_it(raw_server: RawServer, tmp_path: Any) -> None:
    raw_server.answer_in_turn([moved("/new")], [whole(VLLM)])
    tape = tmp_path / "t.glmtape"
    with glm.record(tape):
        assert glm.ask("Why?", **VLLM.asked(raw_server.url)).answer == "Blue"
    assert len(raw_server.requests) == 2
    with glm.replay(tape):
        assert glm.ask("Why?", **VLLM.asked(raw_server.url)).answer == "Blue"
    assert len(raw_server.requests) == 2
