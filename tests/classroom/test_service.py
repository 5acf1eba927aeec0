"""The service that holds the key of a class, asked by notebooks as students have them."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

import glm_magic as glm
from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.lookup import listed_offer
from glm_magic.classroom import __main__ as command
from glm_magic.classroom.service import Service, application
from glm_magic.classroom.spending import Ledger, highest_cost
from glm_magic.core.price import Price, Tier
from glm_magic.core.secret import Secret
from glm_magic.wire.http import HttpClient
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import RawServer, Send
from tests.servers.script import Failure, Script, Tokens
from tests.servers.vendor import KEY

TOKENS = {"token-of-ana": "ana", "token-of-bo": "bo"}
MODEL = "glm-4.6"


async def identify(token: str) -> Mapping[str, Any] | None:
    name = TOKENS.get(token)
    return {"name": name, "kind": "user"} if name else None


class Running:
    """The service in a thread of its own."""

    def __init__(self, base_url: str, file: Path, budget: str = "1", **more: Any) -> None:
        self._base_url, self._file, self._budget, self._more = base_url, file, budget, more
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.url = ""

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        info = replace(catalogue().providers["zai"], base_url=self._base_url)
        client = HttpClient()
        self.ledger = Ledger(self._file, Decimal(self._budget))
        shared = Service(info, Secret(KEY, "the test"), self.ledger, client, identify, **self._more)
        (socket,) = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(application(shared, "/services/glm/"))
        server.add_sockets([socket])
        self.url = f"http://127.0.0.1:{socket.getsockname()[1]}/services/glm"
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()
        await client.aclose()
        self.ledger.close()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def ask(self, student: str = "ana", prompt: str = "Why?", **options: Any) -> glm.Reply:
        return glm.ask(prompt, **self.options(student, **options))

    def options(self, student: str = "ana", **options: Any) -> dict[str, Any]:
        own = {"provider": "zai", "model": MODEL, "base_url": self.url}
        return {**own, "api_key": f"token-of-{student}", "max_tokens": 1000, **options}

    def spent(self, student: str = "ana") -> Decimal:
        reply = httpx.get(
            f"{self.url}/", headers={"Authorization": f"Bearer token-of-{student}"}, trust_env=False
        )
        return Decimal(reply.json()["spent"])

    def post(self, body: Any, token: str = "token-of-ana") -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(
            f"{self.url}/chat/completions",
            content=content,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            trust_env=False,
        )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def begin(server: ModelServer | RawServer, **options: Any) -> Running:
        running.append(Running(f"{server.url}/api/paas/v4", tmp_path / "spent.db", **options))
        return running[-1].__enter__()

    yield begin
    for one in running:
        one.__exit__()


def price(tokens: Tokens) -> Decimal:
    offer = listed_offer(catalogue(), catalogue().providers["zai"], MODEL)
    assert offer is not None
    assert offer.price is not None
    cost = offer.price.cost(glm.Usage(tokens.input, tokens.output))
    assert cost is not None
    return cost.amount


def settled(service: Running, student: str = "ana") -> Decimal:
    """Wait until nothing is set aside any more; return what the student has spent."""
    deadline = time.monotonic() + 30
    while service.ledger._kept.get(student):
        assert time.monotonic() < deadline, "an amount stays set aside"
        time.sleep(0.01)
    return service.spent(student)


def test_a_reply_streams_through_and_each_student_pays_their_own(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    tokens = Tokens(1000, 200)
    model_server.tell(Script(reasoning="Hm.", answer="Because.", tokens=tokens))
    service = start(model_server)
    reply = service.ask("ana", thinking=True)
    assert (reply.reasoning, reply.answer) == ("Hm.", "Because.")
    assert (reply.usage.input, reply.usage.output) == (1000, 200)
    assert model_server.last.headers["authorization"] == f"Bearer {KEY}"
    assert (settled(service), settled(service, "bo")) == (price(tokens), 0)
    service.ask("bo")
    assert settled(service) == settled(service, "bo") == price(tokens)


def test_words_come_before_the_reply_has_ended(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    model_server.tell(Script(answer="one two three", stall_after=2))
    service = start(model_server)
    with glm.stream("Why?", **service.options()) as stream:
        for event in stream:
            if isinstance(event, glm.ContentDelta):
                break
        assert not model_server.released.is_set()
        model_server.released.set()
        assert stream.wait(30)
    assert stream.turn.answer == "one two three"


def test_a_student_who_leaves_ends_the_request_and_pays_for_what_came(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    model_server.tell(Script(answer="word " * 400, piece_chars=5, stall_after=300))
    service = start(model_server)
    with glm.stream("Why?", **service.options()) as stream:
        model_server.wait_sent(200)
        stream.cancel()
    assert model_server.last.hung_up.wait(30)
    assert 0 < settled(service) < price(Tokens(1000, 1000))


def test_a_budget_that_is_used_up_refuses_before_anything_is_sent(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    model_server.tell(Script(tokens=Tokens(1000, 1000)))
    service = start(model_server, budget=str(price(Tokens(1000, 1000)) * 2))
    service.ask()
    with pytest.raises(glm.BillingError, match="and this could cost more than is left"):
        service.ask(max_tokens=5000)
    assert len(model_server.requests) == 1
    assert service.ask("bo").answer
    assert settled(service) == price(Tokens(1000, 1000))


def test_a_budget_holds_for_prompts_side_by_side(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    model_server.tell(Script(answer="one two three", stall_after=1))
    service = start(model_server, budget=str(price(Tokens(1000, 2000))))
    with glm.stream("Why?", **service.options()) as stream:
        model_server.wait_sent(1)
        with pytest.raises(glm.BillingError):
            service.ask(max_tokens=1500)
        model_server.released.set()
        assert stream.wait(30)
    assert len(model_server.requests) == 1
    settled(service)
    assert service.ask(max_tokens=1500).answer


def test_what_was_spent_survives_a_restart(
    model_server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, file = f"{model_server.url}/api/paas/v4", tmp_path / "spent.db"
    for _ in range(2):
        with Running(address, file) as service:
            service.ask()
            spent = settled(service)
    assert spent == 2 * price(Tokens())
    assert file.stat().st_mode & 0o077 == 0
    assert command.main(["--show", "--file", str(file)]) == 0
    assert capsys.readouterr().out == f"{spent:10.4f}  ana\n"


def test_a_refusal_of_the_provider_arrives_as_it_is_and_costs_nothing(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    model_server.tell(Script(refusal=Failure(400, "1214", f"no such thing {KEY}")))
    service = start(model_server)
    with pytest.raises(glm.GlmError, match="no such thing") as caught:
        service.ask()
    assert KEY not in str(caught.value)
    assert settled(service) == 0


def test_a_key_in_a_reply_goes_to_no_student(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    model_server.tell(Script(answer=(f"it is {KEY}!",)))
    service = start(model_server)
    reply = service.post({"model": MODEL, "messages": [{"role": "user", "content": "?"}]})
    assert "it is" in reply.text
    assert KEY not in reply.text


def test_a_provider_that_cannot_be_reached_is_a_bad_gateway(start: Callable[..., Running]) -> None:
    with RawServer() as server:
        pass
    service = start(server)
    reply = service.post({"model": MODEL, "messages": []})
    assert reply.status_code == 502
    assert "no connection" in reply.json()["error"]["message"]
    assert settled(service) == 0


def test_a_reply_that_breaks_off_is_no_whole_one(
    raw_server: RawServer, start: Callable[..., Running]
) -> None:
    record = b'data: {"choices":[{"index":0,"delta":{"content":"Blue"}}]}\n\n'
    start_of_body = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    chunk = b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(record), record)
    raw_server.answer(Send(start_of_body + chunk))
    service = start(raw_server)
    with pytest.raises(httpx.RemoteProtocolError):
        service.post({"model": MODEL, "messages": [], "stream": True})
    assert settled(service) > 0


@pytest.mark.parametrize("token", ["", "token-of-nobody", KEY])
def test_a_stranger_is_refused(
    model_server: ModelServer, start: Callable[..., Running], token: str
) -> None:
    service = start(model_server)
    assert service.post({"model": MODEL, "messages": []}, token).status_code == 401
    with pytest.raises(glm.AuthenticationError, match="no token of this Hub"):
        service.ask("nobody")
    assert not model_server.requests


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "no JSON object"),
        ([], "no JSON object"),
        ({"model": "gpt-5", "messages": []}, "may not ask 'gpt-5'"),
        ({"model": "50%s off", "messages": []}, "may not ask '50%s off'"),
        ({"model": ["glm-4.6"], "messages": []}, "may not ask"),
        ({"messages": []}, "may not ask None"),
        ({"model": MODEL, "plugins": [{"id": "web"}]}, "may not send plugins"),
        ({"model": MODEL, "tools": [{"type": "web_search"}]}, "functions only"),
        ({"model": MODEL, "tools": "web"}, "functions only"),
        ({"model": MODEL}, "texts and pictures only"),
        ({"model": MODEL, "messages": "?"}, "texts and pictures only"),
        ({"model": MODEL, "messages": [{"content": {"a": 1}}]}, "texts and pictures only"),
        ({"model": MODEL, "messages": [{"content": ["?"]}]}, "texts and pictures only"),
        (
            {"model": MODEL, "messages": [{"content": [{"type": "video_url"}]}]},
            "texts and pictures",
        ),
    ],
    ids=str,
)
def test_what_a_class_may_not_ask_is_refused_unsent(
    model_server: ModelServer, start: Callable[..., Running], body: Any, words: str
) -> None:
    reply = start(model_server).post(body)
    assert reply.status_code == 400
    assert words in reply.json()["error"]["message"]
    assert not model_server.requests


def test_the_teacher_chooses_models_and_the_longest_reply(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    service = start(model_server, models=("glm-4.5-air",), max_tokens=300)
    with pytest.raises(glm.GlmError, match=r"the models are: glm-4\.5-air"):
        service.ask()
    service.ask(model="glm-4.5-air")
    assert model_server.last.json["max_tokens"] == 300


def test_neither_key_nor_prompt_is_in_the_log(
    model_server: ModelServer, start: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service = start(model_server)
    service.ask(prompt="a prompt of mine")
    with pytest.raises(glm.GlmError):
        service.ask(prompt="a prompt of mine", model="glm-9")
    for record in caplog.records:
        line = record.getMessage()
        assert KEY not in line
        if record.name.startswith("tornado"):
            assert "prompt of mine" not in line
            assert "token-of" not in line


def most(content: Any, below: int = 10**9) -> Decimal | None:
    """Return what a prompt can cost at most, at a price of one for each token of it."""
    tier = Tier(Decimal(10**6), Decimal(0), below=below)
    price = Price("USD", (tier,), date(2026, 11, 28), "the test")
    cost = highest_cost(price, {"messages": [{"content": content}], "max_tokens": 1})
    return cost and cost.amount


def test_a_length_without_a_price_is_refused() -> None:
    assert most("a" * 900, below=1000)
    assert most("a" * 1000, below=1000) is None


@pytest.mark.parametrize("text", ["a", "data:", "天", "\ud83d", '"'])
def test_a_text_counts_its_bytes_whatever_it_says(text: str) -> None:
    size = most(text * 5000)
    assert size is not None
    assert size >= 5000 * len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("url", ["data:image/png;base64," + "A" * 10**6, "https://a.example/b"])
def test_a_picture_counts_the_same_wherever_it_is(url: str) -> None:
    size = most([{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "?"}])
    assert size is not None
    assert 8192 < size < 8400


@pytest.mark.parametrize("tokens", [True, -5, 0, "9", 1.5, None])
def test_a_length_that_is_none_means_the_longest(
    model_server: ModelServer, start: Callable[..., Running], tokens: object
) -> None:
    service = start(model_server, max_tokens=300)
    service.post({"model": MODEL, "messages": [], "max_tokens": tokens})
    assert model_server.last.json["max_tokens"] == 300


def test_no_student_hides_what_is_paid_for(
    model_server: ModelServer, start: Callable[..., Running]
) -> None:
    hidden = {"stream_options": {"include_usage": False}, "reasoning": {"exclude": True}}
    start(model_server).post({"model": MODEL, "messages": [], "stream": True, **hidden})
    assert model_server.last.json["stream_options"] == {"include_usage": True}
    assert model_server.last.json["reasoning"] == {}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "--provider is one of"),
        (["--provider", "dashscope-native"], "--provider is one of"),
        (["--provider", "dashscope"], "--provider is one of"),
        (["--provider", "zai"], "--budget is needed"),
        (["--provider", "zai", "--budget=1", "--models", "glm-4.6, gpt-5"], "no model 'gpt-5'"),
        (["--provider", "zai", "--budget=1", "--max-tokens=-5"], "a number of tokens is needed"),
        (["--provider", "zai", "--budget=1", "--max-tokens=0"], "a number of tokens is needed"),
        (["--provider", "zai", "--budget=-1"], "an amount is needed"),
        (["--provider", "zai", "--budget=nan"], "an amount is needed"),
        (["--provider", "zai", "--budget=ten"], "an amount is needed"),
    ],
    ids=str,
)
def test_a_wrong_command_says_what_is_right(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(words)
    assert caught.value.code == 2
    assert problem in capsys.readouterr().err
