"""``mode="file"``: requests for ``vllm run-batch``, and its results back, under the same keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import glm_magic as glm
from tests.servers.model_server import ModelServer
from tests.servers.script import Script
from tests.servers.selfhost import SelfHost

Asked = Callable[..., dict[str, Any]]
ROWS = [{"text": "a"}, {"text": "b"}, {"text": "a"}, {"text": "c"}]
TEMPLATE = "About {text}"
KNOWN = {"custom_id", "method", "url", "body"}


def run_batch(source: Path, target: Path, *, leave_out: int = 0, fail: int | None = None) -> None:
    """Do what ``vllm run-batch -i SOURCE -o TARGET`` does, with a model that answers at once."""
    vllm = SelfHost("vllm", key=None, strict=True)
    with target.open("w") as out:
        lines = [json.loads(text) for text in source.read_text().splitlines()]
        for number, line in enumerate(lines[: len(lines) - leave_out]):
            assert set(line) == KNOWN
            assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
            body = line["body"]
            assert "stream" not in body
            says = Script(answer=body["messages"][-1]["content"].upper(), reasoning="Well.")
            if number == fail:
                error = {"message": "too long", "type": "BadRequestError", "code": 400}
                response = {"status_code": 400, "request_id": "r", "body": {"error": error}}
            else:
                document = vllm.document(says, {**body, "model": body["model"]})
                response = {"status_code": 200, "request_id": "r", "body": document}
            result = {"id": f"vllm-{number}", "custom_id": line["custom_id"], "response": response}
            out.write(json.dumps({**result, "error": None}) + "\n")


def test_there_and_back(server: ModelServer, asked: Asked, tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    batch = glm.map(frame, TEMPLATE, **asked(mode="file"))
    assert batch.status == "written"
    source = batch.write_requests(tmp_path / "in.jsonl")
    assert len(source.read_text().splitlines()) == 3
    run_batch(source, tmp_path / "out.jsonl")
    out = glm.read_results(tmp_path / "out.jsonl")
    assert list(out.frame["text"]) == ["a", "b", "a", "c"]
    assert list(out.frame["answer"]) == ["ABOUT A", "ABOUT B", "ABOUT A", "ABOUT C"]
    assert set(out.frame["reasoning"]) == {"Well."}
    assert "batch" not in out.frame.columns
    assert batch.record.id == glm.batches()[0].id
    assert glm.batches()[0].status == "completed"
    live = glm.map(frame, TEMPLATE, **asked())
    assert list(live.frame["answer"]) == list(out.frame["answer"])
    assert not server.requests


def test_what_failed_or_is_missing_is_asked_by_the_same_call(
    server: ModelServer, asked: Asked, tmp_path: Path
) -> None:
    batch = glm.map(ROWS, TEMPLATE, **asked(mode="file"))
    source = batch.write_requests(str(tmp_path / "in.jsonl"))
    run_batch(source, tmp_path / "out.jsonl", leave_out=1, fail=1)
    out = glm.read_results(tmp_path / "out.jsonl")
    assert list(out.frame["status"]) == ["complete", "failed", "complete", "left"]
    assert "too long" in out.errors[1]
    assert out.left == {3: "the file has no line for it"}
    glm.map(ROWS, TEMPLATE, **asked())
    prompts = sorted(request.json["messages"][-1]["content"] for request in server.requests)
    assert prompts == ["About b", "About c"]


def test_the_rest_of_the_results_may_come_later(asked: Asked, tmp_path: Path) -> None:
    batch = glm.map(ROWS, TEMPLATE, **asked(mode="file"))
    source = batch.write_requests(tmp_path / "in.jsonl")
    run_batch(source, tmp_path / "some.jsonl", leave_out=2)
    assert len(glm.read_results(tmp_path / "some.jsonl").left) == 2
    run_batch(source, tmp_path / "all.jsonl")
    out = glm.read_results(tmp_path / "all.jsonl")
    assert not out.left
    assert out.usage.output == 3 * 29


def test_reading_needs_no_key(tmp_path: Path) -> None:
    how: dict[str, Any] = {"provider": "zai", "model": "glm-5.3", "api_key": "of-the-writer"}
    source = glm.map(ROWS, TEMPLATE, mode="file", **how).write_requests(tmp_path / "in.jsonl")
    run_batch(source, tmp_path / "out.jsonl")
    assert not glm.read_results(tmp_path / "out.jsonl").left


def test_waiting_for_a_file_says_what_to_do(asked: Asked) -> None:
    batch = glm.map(ROWS, TEMPLATE, **asked(mode="file"))
    out = batch.wait(progress=False)
    assert "glm.read_results" in out.left[0]
    batch.delete()
    assert not glm.batches()


def test_files_that_cannot_be_used(asked: Asked, tmp_path: Path) -> None:
    batch = glm.map(ROWS, TEMPLATE, **asked(mode="file"))
    strange = tmp_path / "strange.jsonl"
    strange.write_text('{"custom_id": "request-1"}\nnot json\n[]\n\n{"custom_id": "00ff"}\n')
    for wrong, words in (
        (lambda: glm.read_results(tmp_path / "none.jsonl"), "cannot be read"),
        (lambda: glm.read_results(strange), "answers a request that was written here"),
        (lambda: batch.write_requests(tmp_path / "no" / "in.jsonl"), "cannot be written"),
    ):
        with pytest.raises(glm.RefusedError) as raised:
            wrong()
        lines = raised.value.lines()
        assert len(lines) == 2
        assert words in lines[0]
