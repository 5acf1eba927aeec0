"""Whatever breaks, what had arrived is kept, and the connection is closed."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.engine import exchange
from glm_magic.wire import pool, retry
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import Close, RawServer, Reset, Send, Stall, Wait, chunks, head, reply
from tests.servers.raw_server import zipped as zipped_reply
from tests.servers.script import Failure, Script
from tests.servers.vendor import KEY

every_place = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place.provider}{place.path}-{place.flavor}"
)
DASHSCOPE, BIGMODEL = PLACES[0], PLACES[4]
HALF = Script(reasoning="Think", answer=("Bl", "ue", " sky"))


def caught(kind: type[glm.GlmError], **asked: Any) -> glm.GlmError:
    """Ask, and return the error."""
    with pytest.raises(kind) as raised:
        glm.ask("Why?", **asked)
    error = raised.value
    assert error.hint
    assert error.turn is not None
    assert KEY not in repr(error) + str(error) + "\n".join(error.lines())
    return error


def records_until(place: Place, text: str) -> int:
    """Return how many records come up to the one with this text."""
    from tests.streams.corpus import VENDORS, body_of

    name = "dashscope-native" if "native" in place.provider else place.provider
    name = {"dashscope-intl": "dashscope", "zai": "bigmodel"}.get(name, name)
    body = body_of(place.flavor if name in VENDORS and not place.hosted else name, "half", HALF)
    return 1 + next(n for n, record in enumerate(body.records) if f'"{text}"'.encode() in record)


@every_place
def test_an_error_in_mid_stream_keeps_the_text_before_it(place: Place, server: ModelServer) -> None:
    failure = Failure(500, "InternalError", "it broke")
    server.tell(Script(reasoning="Think", answer=("Bl", "ue"), failure=failure))
    error = caught(glm.GlmError, **place.asked(server))
    assert error.message == "it broke"
    assert error.code == (None if place.provider == "ollama" else "InternalError")
    assert (error.turn.reasoning, error.turn.answer) == ("Think", "Blue")
    assert (error.turn.status, error.turn.error) == ("failed", "it broke")
    assert error.provider == place.provider
    assert len(server.requests) == 1


@every_place
def test_a_broken_connection_keeps_the_text_before_it(place: Place, server: ModelServer) -> None:
    at = records_until(place, "ue")
    server.tell(Script(reasoning="Think", answer=HALF.answer, cut_after=at, pause_s=0.01))
    error = caught(errors.ConnectionFailedError, **place.asked(server))
    assert error.turn.reasoning == "Think"
    assert error.turn.answer in ("Bl", "Blue")  # a reset may overtake the last bytes
    assert error.turn.status == "incomplete"
    assert len(server.requests) == 1


@every_place
def test_an_end_without_a_finish_reason_is_incomplete(place: Place, server: ModelServer) -> None:
    server.tell(Script(reasoning="Think", answer="Blue", finish=None, tokens=None, done=False))
    got = glm.ask("Why?", **place.asked(server))
    assert (got.answer, got.status, got.finish_reason) == ("Blue", "incomplete", None)


@every_place
def test_cancelling_closes_the_connection_and_keeps_the_text(
    place: Place, server: ModelServer
) -> None:
    server.tell(
        Script(reasoning="Think", answer=HALF.answer, stall_after=records_until(place, "ue"))
    )
    with glm.stream("Why?", **place.asked(server)) as stream:
        _wait(lambda: stream.turn.answer == "Blue")
        stream.cancel()
        stream.cancel()
        assert stream.wait(10)
    assert server.last.hung_up.wait(10)
    assert (stream.turn.reasoning, stream.turn.answer) == ("Think", "Blue")
    assert stream.turn.status == "interrupted"
    assert stream.error is None
    assert (stream.reply.status, stream.reply.answer) == ("interrupted", "Blue")


def test_leaving_the_block_closes_the_connection(server: ModelServer) -> None:
    server.tell(Script(answer=("a", "b"), stall_after=2))
    with glm.stream("Why?", **DASHSCOPE.asked(server)) as stream:
        for event in stream:
            if isinstance(event, glm.ContentDelta):
                break
    assert stream.done
    assert server.last.hung_up.wait(10)
    assert stream.turn.status == "interrupted"


def test_an_exception_in_the_block_closes_the_connection(server: ModelServer) -> None:
    server.tell(Script(stall_after=1))

    def fail() -> None:
        with glm.stream("Why?", **DASHSCOPE.asked(server)):
            _wait(lambda: bool(server.requests))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert server.last.hung_up.wait(10)


def test_cancelling_before_the_start_sends_nothing(server: ModelServer) -> None:
    stream = glm.stream("Why?", **DASHSCOPE.asked(server))
    stream.cancel()
    assert stream.wait(10)
    assert stream.turn.status == "interrupted"
    assert server.requests == []


def test_cancelling_works_while_the_server_has_not_answered_yet(server: ModelServer) -> None:
    server.tell(Script(head_pause_s=30))
    with glm.stream("Why?", **DASHSCOPE.asked(server)) as stream:
        _wait(lambda: bool(server.requests))
        stream.cancel()
        assert stream.wait(10)
    assert server.last.hung_up.wait(10)


def test_cancelling_works_between_retries(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BACKOFF_S", (30, 30))
    server.tell(Script(refusal=Failure(503, "ServiceUnavailable", "busy")))
    with glm.stream("Why?", **DASHSCOPE.asked(server)) as stream:
        _wait(lambda: any(n.code == "retry" for n in stream.turn.notices))
        stream.cancel()
        assert stream.wait(10)
    assert stream.turn.status == "interrupted"
    assert len(server.requests) == 1


def test_cancelling_an_asyncio_task_closes_the_connection(server: ModelServer) -> None:
    server.tell(Script(stall_after=2))

    async def start_and_cancel() -> None:
        task = asyncio.create_task(glm.aask("Why?", **DASHSCOPE.asked(server)))
        await asyncio.to_thread(_wait, lambda: bool(server.requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(start_and_cancel())
    assert server.last.hung_up.wait(10)


def test_one_cancelled_reply_leaves_the_others_alone(server: ModelServer) -> None:
    server.tell(Script(answer="first", stall_after=3), Script(answer="second", pause_s=0.02))
    with glm.stream("1", **DASHSCOPE.asked(server)) as first:
        _wait(lambda: len(server.requests) == 1)
        with glm.stream("2", **DASHSCOPE.asked(server)) as second:
            first.cancel()
            assert second.wait(10)
    assert second.turn.answer == "second"


def test_an_interrupt_ends_the_wait_at_once_and_closes_the_connection(server: ModelServer) -> None:
    server.tell(Script(stall_after=2))
    asked = threading.Event()

    def interrupt() -> None:
        _wait(lambda: asked.is_set() or bool(server.requests))
        if not asked.wait(1):  # an interrupt must never meet anything but the wait
            signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            glm.ask("Why?", **DASHSCOPE.asked(server))
    finally:
        asked.set()
        thread.join()
    assert time.monotonic() - began < 10
    assert server.last.hung_up.wait(10)


# ── retries ──────────────────────────────────────────────────────────────────────────────────────

BUSY = Script(refusal=Failure(503, "ServiceUnavailable", "busy"))
LIMIT = Script(refusal=Failure(429, "Throttling.RateQuota", "slow down"))


@pytest.mark.parametrize("script", [BUSY, LIMIT], ids=["busy", "rate limit"])
def test_a_passing_fault_is_tried_again_and_told(server: ModelServer, script: Script) -> None:
    server.tell(script, script, Script(answer="Blue"))
    got = glm.ask("Why?", **DASHSCOPE.asked(server))
    assert got.answer == "Blue"
    assert len(server.requests) == 3
    assert [notice.code for notice in got.turn.notices].count("retry") == 2
    assert len({request.body for request in server.requests}) == 1


def test_three_faults_are_enough(server: ModelServer) -> None:
    server.tell(BUSY)
    error = caught(errors.ServerError, **DASHSCOPE.asked(server))
    assert error.status == 503
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("place", "status", "code", "kind"),
    [
        (BIGMODEL, 429, "1113", errors.BillingError),
        (BIGMODEL, 429, "1309", errors.BillingError),
        (BIGMODEL, 429, "1310", errors.BillingError),
        (BIGMODEL, 400, "1261", errors.ContextLengthError),
        (BIGMODEL, 400, "1301", errors.ContentBlockedError),
        (BIGMODEL, 401, "1002", errors.AuthenticationError),
        (BIGMODEL, 403, "1220", errors.AccessDeniedError),
        (DASHSCOPE, 400, "Arrearage", errors.BillingError),
        (DASHSCOPE, 400, "data_inspection_failed", errors.ContentBlockedError),
        (DASHSCOPE, 400, "invalid_parameter_error", errors.InvalidRequestError),
        (DASHSCOPE, 403, "AccessDenied.Unpurchased", errors.AccessDeniedError),
        (DASHSCOPE, 403, "AllocationQuota.FreeTierOnly", errors.BillingError),
        (PLACES[8], 402, 402, errors.BillingError),
        (PLACES[8], 403, 403, errors.AccessDeniedError),
    ],
)
def test_a_lasting_fault_is_told_once(
    server: ModelServer, place: Place, status: int, code: Any, kind: type[glm.GlmError]
) -> None:
    server.tell(Script(refusal=Failure(status, code, "no")))
    error = caught(kind, **place.asked(server))
    assert (error.status, error.code) == (status, str(code))
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", ["1302", "1303", "1305"])
def test_a_true_rate_limit_is_tried_again(server: ModelServer, code: str) -> None:
    server.tell(Script(refusal=Failure(429, code, "slow down")), Script(answer="Blue"))
    assert glm.ask("Why?", **BIGMODEL.asked(server)).answer == "Blue"


def test_retry_after_is_kept(server: ModelServer) -> None:
    refusal = Failure(429, "Throttling", "slow down", {"retry-after": "0.3"})
    server.tell(Script(refusal=refusal), Script(answer="Blue"))
    assert glm.ask("Why?", **DASHSCOPE.asked(server)).answer == "Blue"
    first, second = server.requests
    assert 0.3 <= second.arrived_s - first.arrived_s < 10


def test_a_long_retry_after_is_not_waited_for(server: ModelServer) -> None:
    refusal = Failure(429, "Throttling", "slow down", {"retry-after": "3600"})
    server.tell(Script(refusal=refusal))
    began = time.monotonic()
    caught(errors.RateLimitError, **DASHSCOPE.asked(server))
    assert time.monotonic() - began < 10
    assert len(server.requests) == 1


def test_nothing_is_tried_again_after_the_first_text(server: ModelServer) -> None:
    failure = Failure(503, "ServiceUnavailable", "busy")
    server.tell(Script(answer="Half", failure=failure), Script(answer="Blue"))
    caught(glm.GlmError, **DASHSCOPE.asked(server))
    assert len(server.requests) == 1


# ── bytes of every kind, through a real connection ───────────────────────────────────────────────


def chunk(text: str | None = None, finish: str | None = None) -> bytes:
    """Return one event of the OpenAI-style grammar."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'r', 'choices': [choice]})}\n\n".encode()


WHOLE = chunk("Bl") + chunk("ue 😀") + chunk(finish="stop") + b"data: [DONE]\n\n"


def at_raw(server: RawServer, **options: Any) -> dict[str, Any]:
    """Return the keywords that ask a plain OpenAI-like service at the raw server."""
    return {"provider": "vllm", "model": "m", "base_url": server.url + "/v1", **options}


@pytest.mark.parametrize(
    "answer",
    [
        [Send(head() + WHOLE)],
        [Send(head() + WHOLE, each=1)],
        [Send(head() + WHOLE, each=7, pause_s=0.001)],
        [reply(WHOLE)],
        [reply(WHOLE, content_type="application/json")],
        [reply(WHOLE, content_type="text/plain; charset=latin-1")],
        [Send(head(headers={"Transfer-Encoding": "chunked"})), chunks([WHOLE[:9], WHOLE[9:]])],
        [zipped_reply(WHOLE)],
        [Send(head()[:20]), Wait(0.1), Send(head()[20:] + WHOLE)],
        [Send(head() + b"\xef\xbb\xbf" + WHOLE.replace(b"\n", b"\r\n"))],
        [Send(head() + WHOLE), Reset()],
        [Send(head() + WHOLE.removesuffix(b"data: [DONE]\n\n")), Close()],
        [Send(head() + WHOLE), Stall()],
    ],
    ids=[
        *("plain", "by the byte", "slowly", "with length", "as json", "as latin text", "chunked"),
        *("gzip", "slow head", "BOM and CRLF", "reset after the end", "no sentinel", "kept open"),
    ],
)
def test_a_whole_reply_is_read_however_it_travels(raw_server: RawServer, answer: list[Any]) -> None:
    raw_server.answer(*answer)
    began = time.monotonic()
    got = glm.ask("Why?", **at_raw(raw_server))
    assert (got.answer, got.status) == ("Blue 😀", "complete")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("step", [Stall(), Reset()], ids=["silence", "reset"])
def test_after_the_finish_reason_nothing_can_spoil_the_reply(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    monkeypatch.setattr(exchange, "TRAILER_S", 0.2)
    raw_server.answer(Send(head() + chunk("Blue") + chunk(finish="stop")), Wait(0.05), step)
    began = time.monotonic()
    got = glm.ask("Why?", **at_raw(raw_server))
    assert (got.answer, got.status, got.finish_reason) == ("Blue", "complete", "stop")
    assert time.monotonic() - began < 10


def test_gzip_cut_short_keeps_what_could_be_read(raw_server: RawServer) -> None:
    squeezed = gzip.compress(WHOLE * 50)[:60]
    raw_server.answer(Send(head(headers={"Content-Encoding": "gzip"}) + squeezed))
    with glm.stream("Why?", **at_raw(raw_server)) as stream:
        assert stream.wait(10)
    assert stream.turn.status in ("incomplete", "failed")


@pytest.mark.parametrize("broken", [Reset(), Close()], ids=["reset", "close"])
def test_a_connection_that_ends_before_the_head(raw_server: RawServer, broken: Any) -> None:
    raw_server.answer(Wait(0.05), broken)
    error = caught(errors.ConnectionFailedError, **at_raw(raw_server))
    assert error.turn.status == "failed"


def test_a_chunked_body_without_its_end_is_broken(raw_server: RawServer) -> None:
    start = Send(head(headers={"Transfer-Encoding": "chunked"}))
    raw_server.answer(start, chunks([chunk("Bl")], ends=False))
    error = caught(errors.ConnectionFailedError, **at_raw(raw_server))
    assert (error.turn.answer, error.turn.status) == ("Bl", "incomplete")


def test_a_body_shorter_than_promised_is_broken(raw_server: RawServer) -> None:
    raw_server.answer(Send(head(headers={"Content-Length": "5000"}) + chunk("Bl")))
    error = caught(errors.ConnectionFailedError, **at_raw(raw_server))
    assert error.turn.answer == "Bl"


def test_a_body_cut_inside_a_record_keeps_the_records_before_it(raw_server: RawServer) -> None:
    raw_server.answer(Send(head() + chunk("Bl") + chunk("ue")[:30]))
    got = glm.ask("Why?", **at_raw(raw_server))
    assert (got.answer, got.status) == ("Bl", "incomplete")


def test_silence_is_given_up_and_the_connection_closed(raw_server: RawServer) -> None:
    raw_server.answer(Send(head() + chunk("Bl")), Stall())
    error = caught(errors.IdleTimeoutError, **at_raw(raw_server, idle_timeout_s=1.0))
    assert (error.turn.answer, error.turn.status) == ("Bl", "incomplete")
    assert raw_server.last.hung_up.wait(10)


def test_pings_count_as_a_sign_of_life(raw_server: RawServer) -> None:
    pings = [step for _ in range(8) for step in (Send(b": ping\n\n"), Wait(0.25))]
    raw_server.answer(Send(head()), *pings, Send(WHOLE))
    got = glm.ask("Why?", **at_raw(raw_server, idle_timeout_s=1.5))
    assert got.answer == "Blue 😀"


PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>" + b"x" * 9000 + b"</body>"


@pytest.mark.parametrize("content_type", ["text/html", "text/event-stream", "application/json"])
def test_a_web_page_with_success(raw_server: RawServer, content_type: str) -> None:
    raw_server.answer(reply(PAGE, content_type=content_type))
    error = caught(errors.NotAnApiError, **at_raw(raw_server))
    assert "Sign in" in error.message
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("404 Not Found", errors.NotFoundError),
        ("502 Bad Gateway", errors.ServerError),
        ("403 Forbidden", errors.AccessDeniedError),
        ("418 I'm a teapot", errors.NotAnApiError),
    ],
)
def test_a_web_page_with_a_failure(
    raw_server: RawServer, status: str, kind: type[glm.GlmError]
) -> None:
    raw_server.answer(reply(PAGE, status, "text/html"))
    error = caught(kind, **at_raw(raw_server))
    assert error.status == int(status[:3])
    assert "Sign in" in error.message
    assert "xxxx" not in str(error)


@pytest.mark.parametrize("body", [b"", b"\n\n", b": ping\n\n", b"data: [DONE]\n\n"])
def test_a_success_with_nothing_in_it(raw_server: RawServer, body: bytes) -> None:
    raw_server.answer(reply(body))
    caught(errors.EmptyReplyError, **at_raw(raw_server))


def test_a_reply_that_is_one_json_document(raw_server: RawServer) -> None:
    message = {"role": "assistant", "content": "Blue", "reasoning_content": "Think"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    body = json.dumps({"choices": [choice], "usage": usage}, indent=2).encode()
    raw_server.answer(reply(body, content_type="application/json"))
    got = glm.ask("Why?", **at_raw(raw_server))
    assert (got.reasoning, got.answer, got.status) == ("Think", "Blue", "complete")
    assert got.usage == glm.Usage(1, 2)


def test_a_redirect_is_not_followed_with_the_key(raw_server: RawServer) -> None:
    with RawServer() as elsewhere:
        location = {"Location": elsewhere.url + "/v1/chat/completions"}
        raw_server.answer(reply(b"", "307 Temporary Redirect", headers=location))
        error = caught(glm.GlmError, **at_raw(raw_server, api_key="sk-secret-7"))
        assert error.status == 307
        assert elsewhere.requests == []


def test_a_key_repeated_in_an_error_is_not_shown(raw_server: RawServer) -> None:
    body = b'{"error":{"message":"bad key sk-secret-7","code":"sk-secret-7"}}'
    raw_server.answer(reply(body, "401 Unauthorized", "application/json"))
    error = caught(errors.AuthenticationError, **at_raw(raw_server, api_key="sk-secret-7"))
    assert "sk-secret-7" not in repr(vars(error)) + str(error) + repr(error.turn)


def test_a_head_that_is_no_http(raw_server: RawServer) -> None:
    raw_server.answer(Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Close())
    caught(errors.ConnectionFailedError, **at_raw(raw_server))


def test_a_certificate_that_is_not_trusted() -> None:
    import ssl

    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with RawServer(tls=context) as server:
        server.answer(reply(WHOLE))
        error = caught(errors.ConnectionFailedError, **at_raw(server))
    assert "secure" in error.message
    assert "certificate" in error.hint
    assert server.requests == []


def _wait(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_kept_connection_that_the_server_drops_is_replaced() -> None:
    """The server reads the second request on the kept connection and hangs up without a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[int] = []

    def serve() -> None:
        for number in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                requests.append(number)
                size = {"Content-Length": str(len(WHOLE)), "Connection": "keep-alive"}
                connection.sendall(head(headers=size) + WHOLE)
                if number == 0:
                    connection.recv(65536)
                    requests.append(number)

    thread = threading.Thread(target=serve)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    for _ in range(2):
        got = glm.ask("Why?", provider="vllm", model="m", base_url=address)
        assert got.status == "complete"
    thread.join(5)
    listener.close()
    assert requests == [0, 0, 1]


def test_a_request_that_the_server_was_at_work_on_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kept connection breaks long after the request: it was read, and may have been billed."""
    monkeypatch.setattr(pool, "STALE_S", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            requests.append(connection.recv(65536))
            size = {"Content-Length": str(len(WHOLE)), "Connection": "keep-alive"}
            connection.sendall(head(headers=size) + WHOLE)
            requests.append(connection.recv(65536))
            time.sleep(1)

    thread = threading.Thread(target=serve)
    thread.start()
    asked = {"provider": "vllm", "model": "m"}
    asked["base_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    assert glm.ask("Why?", **asked).status == "complete"
    caught(errors.ConnectionFailedError, **asked)
    thread.join(5)
    listener.close()
    assert len(requests) == 2
