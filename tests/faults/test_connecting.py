"""No connection at all: each cause has its own words, and is mended without a restart."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme

import glm_magic as glm
from glm_magic.core import errors
from tests.faults.protocols import KEY, PROTOCOLS, Protocol
from tests.servers.raw_server import RawServer, Send, head, reply

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda t: t.provider)
VLLM = next(protocol for protocol in PROTOCOLS if protocol.provider == "vllm")
WHOLE = Send(head() + VLLM.start + VLLM.rest)


def failed(kind: type[glm.GlmError], **asked: Any) -> glm.GlmError:
    """Ask, and return the error, which is two lines long."""
    with pytest.raises(kind) as raised:
        glm.ask("Why?", **asked)
    lines = raised.value.lines()
    assert len(lines) == 2
    assert lines[1].startswith("→ ")
    assert KEY not in "\n".join(lines)
    return raised.value


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@every_protocol
def test_a_refused_connection_is_tried_again_and_told(protocol: Protocol) -> None:
    error = failed(
        errors.ConnectionFailedError, **protocol.asked(f"http://127.0.0.1:{closed_port()}")
    )
    assert "no connection to 127.0.0.1" in error.message
    assert "running" in error.hint
    assert error.turn is not None
    assert error.turn.status == "failed"
    assert [notice.code for notice in error.turn.notices].count("retry") == 2


def test_a_server_that_starts_meanwhile_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glm_magic.wire.retry.BACKOFF_S", (0.3, 0.3))
    port = closed_port()
    with glm.stream("Why?", **VLLM.asked(f"http://127.0.0.1:{port}")) as stream:
        while not any(notice.code == "retry" for notice in stream.turn.notices):
            assert not stream.wait(0.005)
        with RawServer(port=port) as server:
            server.answer(WHOLE)
            assert stream.wait(10)
    assert (stream.turn.answer, stream.turn.status) == ("Blue", "complete")


@every_protocol
def test_a_host_that_does_not_exist(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    error = failed(errors.ConnectionFailedError, **protocol.asked("https://no-such-host.invalid"))
    assert error.message == "there is no host named no-such-host.invalid"
    assert error.turn is not None
    assert error.turn.notices == () or all(n.code != "retry" for n in error.turn.notices)


def nobody(*_: object, **__: object) -> None:
    """Fail as a resolver does that knows the name is not there."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("url", ["http://", "http://:80", "host:80", "http://[::1", "http://a b"])
def test_an_address_that_is_none(url: str) -> None:
    failed(glm.GlmError, **VLLM.asked(url))


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with RawServer(tls=context) as server:
        server.answer(WHOLE)
        yield server


@every_protocol
def test_a_certificate_that_nobody_vouches_for(secure: RawServer, protocol: Protocol) -> None:
    error = failed(errors.ConnectionFailedError, **protocol.asked(secure.url))
    assert "no secure connection" in error.message
    assert "SSL_CERT_FILE" in error.hint
    assert secure.requests == []


@pytest.mark.usefixtures("fresh_client")
def test_a_certificate_of_ones_own_authority_is_trusted_when_named(
    secure: RawServer, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert glm.ask("Why?", **VLLM.asked(secure.url)).answer == "Blue"


def test_a_certificate_of_another_host(authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    with RawServer(tls=context) as server:
        failed(errors.ConnectionFailedError, **VLLM.asked(server.url))
        assert server.requests == []


def test_tls_where_the_server_speaks_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        thread = threading.Thread(target=answer_plainly, args=(plain,))
        thread.start()
        error = failed(
            errors.ConnectionFailedError,
            **VLLM.asked(f"https://127.0.0.1:{plain.getsockname()[1]}"),
        )
        thread.join()
    assert "secure" in error.message


def answer_plainly(listener: socket.socket) -> None:
    """Answer the first bytes of a client as a web server does that expected no TLS."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


@pytest.mark.usefixtures("fresh_client")
def test_a_proxy_is_used_and_this_computer_is_not(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_server.answer(WHOLE)
    with RawServer() as proxy:
        proxy.answer(WHOLE)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert glm.ask("Why?", **VLLM.asked("http://models.example")).answer == "Blue"
        assert proxy.last.path == "http://models.example/v1/chat/completions"
        assert glm.ask("Why?", **VLLM.asked(raw_server.url)).answer == "Blue"
        assert (len(proxy.requests), len(raw_server.requests)) == (1, 1)


@pytest.mark.usefixtures("fresh_client")
@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required"])
def test_a_proxy_that_refuses_never_sees_the_key(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as proxy:
        proxy.answer(reply(b"no", status, "text/plain"))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = failed(errors.ConnectionFailedError, **VLLM.asked("https://models.example"))
        assert "proxy" in error.message
        assert "HTTPS_PROXY" in error.hint
        assert {request.method for request in proxy.requests} == {"CONNECT"}
        assert KEY not in str([request.headers for request in proxy.requests])
