"""A key from any source reaches the request's one header, and nothing else, byte for byte."""

from __future__ import annotations

import base64
import json
import os
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import glm_magic as glm
from glm_magic.core.secret import Secret
from tests.hosts.conftest import ROOT, Kernel
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import RawServer, Send, head, reply
from tests.servers.script import Failure, Script

KEY = "sk-Zq7+vR/Xw9_secret.k3y=="
"""With characters that base64 and URLs write differently."""


def spellings() -> list[bytes]:
    """Return the key, and how it could be written on its way somewhere."""
    plain = KEY.encode()
    leaked = [
        plain,
        quote(KEY, safe="").encode(),
        quote(KEY).encode(),
        plain[::-1],
        plain.hex().encode(),
    ]
    leaked.append(json.dumps(KEY)[1:-1].replace("/", "\\/").encode())
    for shift in range(3):  # base64 depends on where the key stands among the bytes before it
        packed = base64.b64encode(b"x" * shift + plain + b"xxx")
        leaked.append(packed[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6])
    return [*leaked, base64.urlsafe_b64encode(plain)[:-4]]


def leaks(where: str, content: bytes) -> list[str]:
    """Return in which spellings a key stands there."""
    return [f"{where}: {spelt!r}" for spelt in spellings() if spelt in content]


def test_a_leak_would_be_found() -> None:
    """A test of the tests."""
    for wrapped in (KEY, quote(f"a {KEY}"), base64.b64encode(f"Bearer {KEY}!".encode()).decode()):
        assert leaks("here", f"<{wrapped}>".encode()), wrapped


class Listening(Kernel):
    """A kernel whose every message on every channel is kept as it came."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[bytes] = []
        for name in ("get_iopub_msg", "get_shell_msg"):
            setattr(self.client, name, self._noting(getattr(self.client, name)))

    def _noting(self, get: Any) -> Any:
        def noted(**how: Any) -> Any:
            message = get(**how)
            self.heard.append(json.dumps(message, default=str).encode())
            self.heard += [bytes(buffer) for buffer in message.get("buffers", ())]
            return message

        return noted

    def anyway(self, code: str) -> str:
        """Run a cell that may fail, and return what it showed."""
        ran = self.collect(self.send(code, cell="c1"))
        return ran.text + "\n".join(ran.traceback)


CELLS = (
    "import logging; logging.basicConfig(level=logging.DEBUG, filename='debug.log', force=True)",
    "%load_ext glm_magic",
    "%xmode Verbose",
    "%%glm -S lesson\nwhy?",
    "r = _glm; r",
    "print(repr(r), r.request, r.events, vars(r), r.turn)",
    "%glm", "%glm config", "%glm models", "%glm usage", "%glm sessions", "%glm context",
    "%glm show", "%glm show 1", "%glm wire", "%glm wire 1", "%glm version", "%glm help",
    "%%glm --dry-run\nwhy?",
    "%glm save kept.md",
    "%glm save kept.json",
    "%%glm --record lesson.glmtape\nfor the tape",
    "%%glm\nthis fails",
    "%%glm\nthis fails in mid-stream",
    "%config GLM.full_traceback = True",
    "%%glm\nthis fails once more",
    "%tb",
    "import glm_magic as glm, pickle, copy, dataclasses, traceback, sys\ns = glm.Session('x')",
    "s.ask('why?', api_key=held())",
    "print(repr(s), vars(s), s.options, s.turns, [vars(t) for t in s.streams])",
    "stream = glm.stream('why?', api_key=held()); print(vars(stream), stream.call, stream)",
    "with stream: print(list(stream), stream.turn, stream.raw, stream.call)",
    "print([[f.name, getattr(stream.call, f.name)] for f in dataclasses.fields(stream.call)])",
    "open('pickles', 'wb').write(pickle.dumps([r, r.turn, r.events, s.turns]))",
    "pickle.dumps(stream.call)",
    "pickle.dumps(s)",
    "copy.deepcopy(stream.call)",
    "glm.ask('why?', api_key=held(), temperature=99)",
    "glm.ask('why?', api_key=held(), wrong_name=1)",
    "glm.ask('why?', api_key=str(held()) + '\\n é')",
    "import asyncio\nawait asyncio.wait_for(glm.aask('stall', api_key=held()), 0.2)",
    "glm.ask('why?', api_key=held(), base_url='http://127.0.0.1:9/v1')",
    "glm.Session('y', api_key=held(), model=3)",
    "%whos",
    "import gc; print([o for o in gc.get_objects() if type(o).__name__ == 'Secret'])",
)  # fmt: skip


@pytest.fixture(params=["environment", ".env", "keyring", "argument"])
def source(
    request: pytest.FixtureRequest,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> str:
    """Put the key in one place, and the address of the server in the environment."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/api/paas/v4")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    held = tmp_path / "held"
    held.write_text(KEY)
    if request.param == ".env":
        Path(".env").write_text(f"ZAI_API_KEY='{KEY}'\n")
    elif request.param == "keyring":
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.security.holding.Holding")
        monkeypatch.setenv("HELD_KEY", str(held))
    else:
        # the argument is tried while the environment holds a key of its own
        monkeypatch.setenv("ZAI_API_KEY", KEY)
    for vendor in model_server.vendors:
        monkeypatch.setattr(vendor, "refuse", lambda *_: None)
    echo = f"your key {KEY} is wrong"
    broken = Script(refusal=Failure(401, KEY, echo))
    fine = Script(reasoning="Let me see.", answer="Because.", piece_chars=2)
    half = Script(answer="half", failure=Failure(500, KEY, echo))
    model_server.tell(fine, fine, broken, half, broken, fine)
    return str(request.param)


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 10**8)


@pytest.mark.hosts
@pytest.mark.timeout(240)
def test_a_key_is_in_no_message_no_file_and_no_text(
    source: str, model_server: ModelServer, tmp_path: Path
) -> None:
    kernel = Listening()
    try:
        # No variable of the cells holds it: the shell may show those in a verbose traceback.
        held = "open('../held').read()" if source == "argument" else "None"
        kernel.anyway(f"def held(): return {held}")
        shown = {cell: kernel.anyway(cell) for cell in CELLS}
    finally:
        kernel.close()
    sent = [request for request in model_server.requests if "authorization" in request.headers]
    assert len(sent) >= 6
    assert {request.headers["authorization"] for request in sent} == {f"Bearer {KEY}"}
    for request in model_server.requests:
        others = {n: v for n, v in request.headers.items() if n != "authorization"}
        assert leaks("request", request.path.encode() + str(others).encode() + request.body) == []
    assert any("<key from" in text for text in shown.values()), "it was there to be shown"
    assert "your key <key> is wrong" in shown["%%glm\nthis fails"]
    leaked = [leak for message in kernel.heard for leak in leaks(message[:80].decode(), message)]
    for path in files(tmp_path):
        if path.name not in ("held", ".env"):
            leaked += leaks(str(path), path.read_bytes())
    assert leaked == []
    kinds = {path.suffix for path in files(tmp_path)}
    assert {".glmtape", ".db", ".md", ".log"} <= kinds, "what was searched is there"
    assert (tmp_path / "work" / "debug.log").stat().st_size > 1000


# ── in one process, where it can be looked at more closely ───────────────────────────────────────


def asked(server: RawServer, **options: Any) -> dict[str, Any]:
    address = {"provider": "vllm", "model": "m", "base_url": server.url + "/v1"}
    return {**address, "api_key": KEY, **options}


BREAKS = {
    "a refusal that repeats it": [
        reply(b"{}", "401 Unauthorized", "application/json", {"x-request-id": f"r-{KEY}"})
    ],
    "a refusal": [reply(b'{"error":{"message":"no"}}', "401 Unauthorized", "application/json")],
    "an error in mid-stream": [Send(head() + b'data: {"error":{"message":"no"}}\n\n')],
    "a connection that ends": [],
    "nothing that was HTTP": [Send(b"SSH-2.0\r\n")],
    "a page": [reply(b"<html><title>no</title>")],
}


@pytest.mark.parametrize("name", BREAKS)
def test_no_local_variable_of_a_traceback_holds_a_key(raw_server: RawServer, name: str) -> None:
    raw_server.answer(*BREAKS[name])
    error = _failure(lambda: glm.ask("Why?", **asked(raw_server)))
    assert leaks("traceback", _with_locals(error)) == []


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 99, "provider": "zai", "model": "glm-4.6"},
        {"wrong": 1},
        {"model": 3},
        {"api_key": KEY + " é"},
        {"base_url": "http://[::1"},
        {"idle_timeout_s": -1},
    ],
    ids=str,
)
def test_nor_does_that_of_a_refusal(raw_server: RawServer, options: dict[str, Any]) -> None:
    for call in (glm.ask, glm.stream, glm.Session("x").ask, glm.Session("x").stream):
        error = _failure(lambda call=call: call("Why?", **asked(raw_server, **options)).wait())
        assert leaks("traceback", _with_locals(error)) == []
    _failure(lambda: glm.Session("x", **asked(raw_server, wrong=1)))


def _failure(call: Any) -> BaseException:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def _with_locals(error: BaseException) -> bytes:
    """Return a traceback with the local variables of every frame, but those of this test."""
    shown: list[str] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None:
            continue
        todo += [one.__cause__, one.__context__]
        shown += [repr(one), str(vars(one)), *traceback.format_exception_only(one)]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename != __file__:
                shown += [f"{name}={_deep(value)}" for name, value in frame.f_locals.items()]
    return "\n".join(shown).encode()


def _deep(value: Any) -> str:
    """Return what a curious tool shows of a value: its words, and those of its parts."""
    inside = getattr(value, "__dict__", {})
    return f"{value!r} {inside!r}"


def test_a_secret_tells_nothing_in_any_way_of_writing_it() -> None:
    secret = Secret(KEY, "TEST")
    for text in (repr(secret), str(secret), f"{secret}", str([secret])):
        assert leaks("text", text.encode()) == []
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        vars(secret)


def test_a_whole_reply_can_be_pickled_and_holds_no_key(raw_server: RawServer) -> None:
    body = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    raw_server.answer(Send(head() + body))
    got = glm.ask("Why?", **asked(raw_server))
    pickled = pickle.dumps(got)
    assert leaks("pickle", pickled) == []
    assert pickle.loads(pickled).answer == "Hi"


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_a_key_that_a_service_repeats_is_cut_out_wherever_the_bytes_are_cut(
    raw_server: RawServer, cut: int
) -> None:
    body = f'data: {{"choices":[{{"delta":{{"content":"you sent {KEY}"}}}}]}}\n\n'.encode()
    raw_server.answer(Send(head() + body, each=cut))
    with glm.stream("Why?", **asked(raw_server)) as stream:
        assert stream.wait(10)
    assert stream.turn.answer == "you sent <key>"
    assert leaks("raw", stream.raw) == []
