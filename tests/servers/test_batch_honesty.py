"""The server of batches refuses what OpenRouter and BigModel are documented to refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.servers.batch_server import BIGMODEL, OPENROUTER, BatchServer
from tests.servers.vendor import KEY

ASK = [{"role": "user", "content": "Why?"}]
MODEL = "z-ai/glm-5.3:batch"
ENDPOINT = "/v1/chat/completions"


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as running:
        yield running


def send(
    server: BatchServer, method: str, path: str, body: bytes = b"", kind: str = "", key: str = KEY
) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"authorization": f"Bearer {key}", "content-type": kind or "application/json"}
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def requests(**body: Any) -> list[dict[str, Any]]:
    return [{"custom_id": "one", "body": {"messages": ASK, **body}}]


def upload(server: BatchServer, content: str, purpose: str = "batch", name: str = "a.jsonl") -> Any:
    form = (
        f'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
        f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        f"{content}\r\n--x--\r\n"
    )
    kind = "multipart/form-data; boundary=x"
    status, answer = send(server, "POST", f"{BIGMODEL}/files", form.encode(), kind)
    return json.loads(answer)["id"] if status == 200 else status


WRONG = [
    {"requests": requests(), "endpoint": ENDPOINT, "model": MODEL},  # in the wrong order
    {"endpoint": "/v1/embeddings", "model": MODEL, "requests": requests()},
    {"endpoint": ENDPOINT, "model": "z-ai/glm-5.3", "requests": requests()},
    {"endpoint": ENDPOINT, "model": MODEL, "requests": []},
    {"endpoint": ENDPOINT, "model": MODEL, "requests": requests() * 5_001},
    {"endpoint": ENDPOINT, "model": MODEL, "requests": requests() * 2},
    {"endpoint": ENDPOINT, "model": MODEL, "requests": requests(stream=True)},
    {"endpoint": ENDPOINT, "model": MODEL, "requests": requests(model="z-ai/glm-5.2:batch")},
]


@pytest.mark.parametrize("body", WRONG, ids=map(str, range(len(WRONG))))
def test_openrouter_refuses(server: BatchServer, body: dict[str, Any]) -> None:
    status, told = send(server, "POST", f"{OPENROUTER}/batches", json.dumps(body).encode())
    assert status == 400
    assert json.loads(told)["error"]["message"]
    assert not server.jobs


def test_openrouter_takes_a_batch_and_never_cancels_it(server: BatchServer) -> None:
    body = {"endpoint": ENDPOINT, "model": MODEL, "requests": requests()}
    status, told = send(server, "POST", f"{OPENROUTER}/batches", json.dumps(body).encode())
    assert (status, json.loads(told)["status"]) == (202, "validating")
    id_ = json.loads(told)["id"]
    assert send(server, "POST", f"{OPENROUTER}/batches/{id_}/cancel")[0] == 404
    assert send(server, "GET", f"{OPENROUTER}/batches/{id_}", key="another")[0] == 401
    assert send(server, "GET", f"{BIGMODEL}/batches/{id_}")[0] == 404
    states = [
        json.loads(send(server, "GET", f"{OPENROUTER}/batches/{id_}")[1])["status"]
        for _ in range(3)
    ]
    assert states == ["in_progress", "finalizing", "completed"]


def test_bigmodel_takes_files_of_lines_alone(server: BatchServer) -> None:
    assert upload(server, "{}", purpose="fine-tune") == 400
    assert upload(server, "{}", name="a.txt") == 400
    body = {"input_file_id": "file_9999", "endpoint": "/v4/chat/completions"}
    assert send(server, "POST", f"{BIGMODEL}/batches", json.dumps(body).encode())[0] == 400
    body = {"input_file_id": upload(server, "{}"), "endpoint": "/v1/chat/completions"}
    assert send(server, "POST", f"{BIGMODEL}/batches", json.dumps(body).encode())[0] == 400


LINE = {
    "custom_id": "line-one", "method": "POST", "url": "/v4/chat/completions",
    "body": {"model": "glm-4-plus", "messages": ASK},
}  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["nothing"], "not JSON"),
        ([json.dumps({**LINE, "custom_id": "one"})], "at least 6 characters"),
        ([json.dumps(LINE)] * 2, "unique"),
        ([json.dumps({**LINE, "url": "/v1/chat/completions"})], "method or url"),
        ([json.dumps({**LINE, "body": {"model": "glm-5", "messages": ASK}})], "not supported"),
        ([json.dumps({**LINE, "body": {**LINE["body"], "stream": True}})], "does not stream"),  # type: ignore[dict-item]
    ],
)
def test_bigmodel_finds_what_is_wrong_while_it_validates(
    server: BatchServer, lines: list[str], words: str
) -> None:
    body = {"input_file_id": upload(server, "\n".join(lines)), "endpoint": "/v4/chat/completions"}
    status, told = send(server, "POST", f"{BIGMODEL}/batches", json.dumps(body).encode())
    assert (status, json.loads(told)["status"]) == (200, "validating")
    path = f"{BIGMODEL}/batches/{json.loads(told)['id']}"
    told = json.loads(send(server, "GET", path)[1])
    assert told["status"] == "failed"
    assert words in told["errors"]["data"][0]["message"]
    assert send(server, "POST", f"{path}/cancel")[0] == 400
