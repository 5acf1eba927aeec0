"""The table of faults: what a server does, and what has to be left afterwards."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import glm_magic as glm
from glm_magic.core import errors
from tests.faults.protocols import KEY, Protocol
from tests.servers.raw_server import Close, Reset, Send, Stall, Step, Wait, chunks, head, reply
from tests.servers.vendor import to_json

SETTLE = Wait(0.1)
"""Lets what was sent arrive before a reset overtakes it."""
IDLE_S = 1.0
ALL, NOTHING = ("Think", "Blue"), ("", "")
PAGE = b"<!DOCTYPE html><title>Sign in</title><body>" + b"private " * 2000 + b"</body>"


@dataclass(frozen=True)
class Fault:
    """One way in which a call goes wrong."""

    name: str
    steps: Callable[[Protocol], list[Step]]
    kind: type[glm.GlmError] | None = None
    """What is raised; ``None``: a reply is returned."""
    status: str = "complete"
    left: tuple[str, str] = ALL
    """Reasoning and answer that have to be there."""
    words: str = ""
    """A part of the message."""
    hint: str = ""
    sent: int = 1
    """How often the request is sent; after the first time, the server answers as it should."""
    options: dict[str, Any] = field(default_factory=dict)


def sends(*parts: Callable[[Protocol], bytes] | bytes) -> Callable[[Protocol], list[Step]]:
    """Return steps that send a head and these parts at once."""
    return lambda t: [Send(head() + b"".join(p if isinstance(p, bytes) else p(t) for p in parts))]


def start(t: Protocol) -> bytes:
    return t.start


def body(t: Protocol) -> bytes:
    return t.start + t.rest


def half_record(t: Protocol) -> bytes:
    return t.piece("lost")[:-12]


def answers(content: Callable[[Protocol], bytes], **how: Any) -> Callable[[Protocol], list[Step]]:
    """Return steps that answer with a whole response."""
    return lambda t: [reply(content(t), **how)]


def refuses(status: str, value: Any, **headers: str) -> Callable[[Protocol], list[Step]]:
    """Return steps that answer with an error."""
    content = value if isinstance(value, bytes) else to_json(value).encode()
    kind = "text/html" if content[:1] == b"<" else "application/json"
    return lambda _: [reply(content, status, kind, headers)]


CHUNKED = head(headers={"Transfer-Encoding": "chunked"})
GZIP = head(headers={"Content-Encoding": "gzip"})
BROKEN, IDLE, EMPTY = (
    errors.ConnectionFailedError,
    errors.IdleTimeoutError,
    errors.EmptyReplyError,
)
PROTOCOL, NOT_API = errors.ProtocolError, errors.NotAnApiError
API = errors.ApiError
idle = {"options": {"idle_timeout_s": IDLE_S}}

WHOLE_IN_SPITE = (
    Fault("by the byte", lambda t: [Send(head() + body(t), each=1)]),
    Fault("in odd pieces", lambda t: [Send(head() + body(t), each=7)]),
    Fault("as a slow drip", lambda t: [Send(head() + body(t), each=100, pause_s=0.1)], **idle),
    Fault("head in two pieces", lambda t: [Send(head()[:9]), SETTLE, Send(head()[9:] + body(t))]),
    Fault("chunked oddly", lambda t: [Send(CHUNKED), chunks([body(t)[:5], body(t)[5:]])]),
    Fault("chunks with extensions", lambda t: [Send(CHUNKED), chunks([t.start], ends=False),
        Send(b"%x;a=b\r\n%b\r\n0\r\na: b\r\n\r\n" % (len(t.rest), t.rest))]),
    Fault("chunked by the byte", lambda t: [
        Send(CHUNKED + chunks([body(t)[:5], body(t)[5:]]).data, each=1)]),
    Fault("chunked gzip", lambda t: [
        Send(head(headers={"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"})),
        chunks([gzip.compress(body(t))])]),
    Fault("gzip", lambda t: [Send(GZIP + gzip.compress(body(t)))]),
    Fault("gzip in bits", lambda t: [Send(GZIP + gzip.compress(body(t)), each=3)]),
    Fault("two gzips", lambda t: [Send(GZIP + b"".join(map(gzip.compress, (t.start, t.rest))))]),
    Fault("as JSON by its head", answers(body, content_type="application/json")),
    Fault("as text by its head", answers(body, content_type="text/plain; charset=latin-1")),
    Fault("one JSON document", answers(lambda t: t.document(), content_type="application/json")),
    Fault("a JSON document by the head of a stream", answers(lambda t: t.document())),
    Fault("comments before every record", lambda t: [
        Send(head() + b"".join(b": ping\n\n" + record for record in t.reply.records))]),
    Fault("pings through a long silence", lambda t: [
        Send(head()), *[step for _ in range(4) for step in (Wait(IDLE_S / 2), Send(b": ping\n\n"))],
        Send(body(t))], **idle),
    Fault("kept open after the end", lambda t: [Send(head() + body(t)), Stall()]),
    Fault("reset after the end", lambda t: [Send(head() + body(t)), SETTLE, Reset()]),
    Fault("malformed JSON in mid-stream", sends(start, b"data: {broken\n\n", lambda t: t.rest)),
    Fault("nested without end in mid-stream", sends(
        start, b"data: {\"a\":" + b"[" * 90_000 + b"\n\n", lambda t: t.rest)),
    Fault("a frame cut off before the next", sends(
        start, lambda t: t.piece("lost")[:-16] + t.rest)),
    Fault("words between the records", sends(start, b"upstream: busy\n", lambda t: t.rest)),
    Fault("an error line before a good end", sends(
        start, b'{"error":{"message":"it broke"}}\n', lambda t: t.rest)),
    Fault("rubbish after the end", sends(body, b"data: {broken\n\nHTTP/1.1 500 no\r\n\r\n")),
)  # fmt: skip

BREAKS = (
    Fault("reset before the head", lambda _: [SETTLE, Reset()], BROKEN, "failed", NOTHING, "broke"),
    Fault("closed before the head", lambda _: [Close()], BROKEN, "failed", NOTHING, "broke"),
    Fault("reset inside the head", lambda _: [Send(head()[:20]), SETTLE, Reset()], BROKEN, "failed",
          NOTHING),
    Fault("closed inside the head", lambda _: [Send(head()[:20])], BROKEN, "failed", NOTHING),
    Fault("not HTTP", lambda _: [Send(b"SSH-2.0-OpenSSH\r\n")], BROKEN, "failed", NOTHING),
    Fault("reset after the head", lambda _: [Send(head()), SETTLE, Reset()], BROKEN, "failed",
          NOTHING, "broke"),
    Fault("closed after the head", lambda _: [Send(head())], EMPTY, "failed", NOTHING, "empty"),
    Fault("reset in mid-stream", lambda t: [Send(head() + t.start), SETTLE, Reset()], BROKEN,
          "incomplete", words="broke", hint="kept"),
    Fault("reset inside a record", lambda t: [Send(head() + t.start + half_record(t)), SETTLE,
          Reset()], BROKEN, "incomplete"),
    Fault("closed in mid-stream", sends(start), None, "incomplete"),
    Fault("closed inside a record", sends(start, half_record), None, "incomplete"),
    Fault("chunks without an end", lambda t: [Send(CHUNKED), chunks([t.start], ends=False)], BROKEN,
          "incomplete"),
    Fault("a bad chunk size", lambda t: [Send(CHUNKED), chunks([t.start], ends=False),
          Send(b"zz\r\n")], BROKEN, "incomplete"),
    Fault("a chunk longer than its size", lambda t: [Send(CHUNKED),
          chunks([t.start], ends=False), Send(b"1\r\n:9\r\n123456789\r\n0\r\n\r\n")], BROKEN,
          "incomplete", words="broke", hint="kept"),
    Fault("reset between chunks", lambda t: [Send(CHUNKED), chunks([t.start], ends=False), SETTLE,
          Reset()], BROKEN, "incomplete", words="broke", hint="kept"),
    Fault("reset inside a chunk", lambda t: [Send(CHUNKED), chunks([t.start], ends=False),
          Send(b"fff\r\n" + half_record(t)), SETTLE, Reset()], BROKEN, "incomplete"),
    Fault("silent between chunks", lambda t: [Send(CHUNKED), chunks([t.start], ends=False),
          Stall()], IDLE, "incomplete", words="sent nothing", **idle),
    Fault("shorter than promised", lambda t: [
        Send(head(headers={"Content-Length": "99999"}) + t.start)], BROKEN, "incomplete"),
    Fault("malformed JSON at the end", sends(start, b"data: {broken\n\n"), None, "incomplete"),
    Fault("words at the end", sends(start, b"upstream reset\n"), None, "incomplete"),
    Fault("a web page at the end", sends(start, PAGE), None, "incomplete"),
    Fault("silent before the head", lambda _: [Stall()], IDLE, "failed", NOTHING, "sent nothing",
          "idle_timeout_s", **idle),
    Fault("silent after the head", lambda _: [Send(head()), Stall()], IDLE, "failed", NOTHING,
          "sent nothing", **idle),
    Fault("silent in mid-stream", lambda t: [Send(head() + t.start), Stall()], IDLE, "incomplete",
          words="sent nothing", **idle),
)  # fmt: skip

NAMED = b'event: error\ndata: {"message":"it broke"}\n\n'
FAILED_CHUNK = b'data: {"choices":[],"error":{"code":502,"message":"it broke"}}\n\n'
ERROR_ON_LINES = b'{\n "error": {\n  "message": "it broke"\n }\n}\n'
EMPTY_BODIES = (
    Fault("an empty success", answers(lambda _: b""), sent=2),
    Fault("only blank lines", answers(lambda _: b"\r\n" * 9), sent=2),
    Fault("only pings", answers(lambda _: b": ping\n\n" * 9), sent=2),
    Fault("only the sentinel", answers(lambda _: b"data: [DONE]\n\n"), sent=2),
)
NONSENSE = (
    Fault("a web page", answers(lambda _: PAGE, content_type="text/html"), NOT_API, "failed",
          NOTHING, "Sign in", "base URL"),
    Fault("a web page by the head of a stream", answers(lambda _: PAGE), NOT_API, "failed", NOTHING,
          "Sign in"),
    Fault("a JSON error with success", answers(lambda _: b'{"error":{"message":"it broke"}}'), API,
          "failed", NOTHING, "it broke"),
    Fault("a JSON error text with success", answers(lambda _: b'{"error":"it broke"}'), API,
          "failed", NOTHING, "it broke"),
    Fault("an error in mid-stream", sends(start, lambda t: t.error_in_stream()), API, "failed",
          words="it broke"),
    Fault("an error text in mid-stream", sends(start, b'data: {"error":"it broke"}\n\n'), API,
          "failed", words="it broke"),
    Fault("event: error in mid-stream", sends(start, NAMED), API, "failed", words="it broke"),
    Fault("plain event:error in mid-stream", sends(start, b"event:error\ndata:it broke\n\n"), API,
          "failed", words="it broke"),
    Fault("an error: field", sends(start, b'error: {"code":500,"message":"it broke"}\n\n'), API,
          "failed", words="it broke"),
    Fault("an error beside empty choices", sends(start, FAILED_CHUNK), API, "failed",
          words="it broke"),
    Fault("only malformed JSON", sends(b"data: {broken\n\n"), PROTOCOL, "failed", NOTHING,
          "not JSON", "%glm wire"),
    Fault("nested without end at once", sends(b"data: {\"a\":" + b"[" * 90_000 + b"\n\n"), PROTOCOL,
          "failed", NOTHING, "not JSON"),
    Fault("an error line without data:", sends(start, b'{"error":{"message":"it broke"}}\n'), API,
          "failed", words="it broke"),
    Fault("an error line after a ping", sends(b': ping\n\n{"error":"it broke"}'), API, "failed",
          NOTHING, "it broke"),
    Fault("an error on many lines", sends(start, ERROR_ON_LINES), API, "failed", words="it broke"),
    Fault("plain words", answers(lambda _: b"upstream connect error. reset reason: overflow"), API,
          "failed", NOTHING, "reset reason: overflow"),
    Fault("a web page after a ping", sends(b": ping\n\n" + PAGE), NOT_API, "failed", NOTHING,
          "Sign in", "base URL"),
    Fault("packed as nobody asked", answers(body, headers={"Content-Encoding": "br"}), PROTOCOL,
          "failed", NOTHING, "compressed"),
    Fault("not packed as it says", answers(body, headers={"Content-Encoding": "gzip"}), PROTOCOL,
          "failed", NOTHING, "compressed"),
    Fault("packed twice", answers(body, headers={"Content-Encoding": "gzip, gzip"}), PROTOCOL,
          "failed", NOTHING, "compressed"),
)  # fmt: skip

REFUSED = (
    Fault("a web page with 404", refuses("404 Not Found", PAGE), errors.NotFoundError, "failed",
          NOTHING, "Sign in", "base URL"),
    Fault("a web page with 400", refuses("400 Bad Request", PAGE), NOT_API, "failed", NOTHING,
          "Sign in", "base URL"),
    Fault("401", refuses("401 Unauthorized", {"error": {"message": f"bad key {KEY}"}}),
          errors.AuthenticationError, "failed", NOTHING, "bad key <key>", "key"),
    Fault("403 with nothing", refuses("403 Forbidden", b""), errors.AccessDeniedError, "failed",
          NOTHING, "403"),
    Fault("400 cut short", lambda _: [
        Send(head("400 Bad Request", headers={"Content-Length": "999"}) + b'{"error":{"mess')],
        errors.InvalidRequestError, "failed", NOTHING),
    Fault("418 in another alphabet", refuses("418 I'm a teapot", b"\xff\xfe\x00" * 50),
          errors.InvalidRequestError, "failed", NOTHING),
)  # fmt: skip

FAULTS = (*WHOLE_IN_SPITE, *EMPTY_BODIES, *BREAKS, *NONSENSE, *REFUSED)
