"""Real replies, and those printed in the vendors' pages, say the same wherever they are cut.

They are read in place and are no part of the project; without the folder these tests skip.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glm_magic.core import errors
from glm_magic.core import events as ev
from glm_magic.dialects import DIALECTS
from tests.laws.decoding import comparable, cut, decode, fold, offer_for, read
from tests.reference import reference_files, without_reference

FIRST_BYTES = 3000
"""Every position up to here is tried as a place to cut."""


@dataclass(frozen=True)
class Recording:
    """A recorded exchange."""

    name: str
    status: int
    body: bytes
    is_whole: bool
    """The connection was not cut."""


def recording(path: Path) -> Recording:
    """Take a file apart: request lines, head, body, and what the recorder noted below it."""
    content = path.read_bytes()
    code = re.search(rb"(?:HTTP/1\.1|HTTP|### status:) (\d{3})", content)
    assert code, path
    start = re.search(rb"\r\n\r\n|### status: [^\n]*\n\n|HTTP \d{3}\n", content)
    assert start, path
    body = re.split(rb"\n### http=|\ncurl: \(|\n### ", content[start.end() :])[0]
    return Recording(
        path.stem, int(code[1]), body, b"curl rc=" not in content or b"rc=0" in content
    )


FILES = [
    path
    for path in (*reference_files("streams/llama_cpp/*.txt"), *reference_files("streams/zai/*.txt"))
    if path.stem != "models"
]
RECORDINGS = [recording(path) for path in FILES]
REPLIES = [item for item in RECORDINGS if item.status == 200]
REFUSALS = [item for item in RECORDINGS if item.status != 200]

every_reply = pytest.mark.parametrize(
    "reply", REPLIES or [without_reference], ids=lambda item: getattr(item, "name", "")
)
every_refusal = pytest.mark.parametrize(
    "refusal", REFUSALS or [without_reference], ids=lambda item: getattr(item, "name", "")
)


def dialect_of(item: Recording) -> str:
    """Return the dialect in which a recording was made."""
    return "bigmodel" if item.name[1] == "-" else "llamacpp"


@dataclass
class Plain:
    """What a plain reading of the lines finds."""

    text: dict[str, str]
    calls: dict[int, list[str]]
    usage: dict[str, Any] | None = None
    finish: str | None = None


def plainly(body: bytes) -> Plain:
    """Read a body line by line, or as the one document that it is."""
    plain = Plain({"reasoning_content": "", "content": ""}, {})
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: {")]
    for line in lines or [body]:
        value = json.loads(line)
        plain.usage = value.get("usage") or plain.usage
        for choice in value["choices"]:
            if choice["index"] == 0:
                _read_choice(plain, choice)
    return plain


def _read_choice(plain: Plain, choice: dict[str, Any]) -> None:
    plain.finish = choice.get("finish_reason") or plain.finish
    delta = choice.get("delta") or choice.get("message") or {}
    for name in plain.text:
        plain.text[name] += delta.get(name) or ""
    for number, call in enumerate(delta.get("tool_calls") or ()):
        known = plain.calls.setdefault(call.get("index", number), ["", "", ""])
        known[0] = call.get("id") or known[0]
        known[1] = call["function"].get("name") or known[1]
        known[2] += call["function"].get("arguments") or ""


@every_reply
def test_a_recording_says_what_its_lines_say(reply: Recording) -> None:
    folded, plain = read(dialect_of(reply), reply.body), plainly(reply.body)
    assert folded.reasoning == plain.text["reasoning_content"]
    assert folded.answer == plain.text["content"]
    assert [list(call) for call in folded.call_list] == list(plain.calls.values())
    assert folded.finishes == [plain.finish]
    if plain.usage is None:
        assert folded.usage is None
    else:
        assert folded.usage is not None
        assert folded.usage.input == plain.usage["prompt_tokens"]
        assert folded.usage.output == plain.usage["completion_tokens"]


@every_reply
def test_a_recording_is_the_same_wherever_it_is_cut(reply: Recording) -> None:
    dialect = dialect_of(reply)
    expected = comparable(decode(dialect, [reply.body]))
    dice = random.Random(reply.name)
    for _ in range(60):
        positions = [dice.randrange(len(reply.body)) for _ in range(dice.randrange(1, 20))]
        assert comparable(decode(dialect, cut(reply.body, positions))) == expected
    end = reply.body.find(b"\n\n", FIRST_BYTES) + 2
    first = reply.body[:end] if end > 1 else reply.body
    expected = comparable(decode(dialect, [first]))
    for position in range(min(FIRST_BYTES, len(first))):
        assert comparable(decode(dialect, [first[:position], first[position:]])) == expected


@every_reply
def test_a_recording_that_breaks_off_leaves_an_honest_part(reply: Recording) -> None:
    dialect = dialect_of(reply)
    complete = fold(decode(dialect, [reply.body]))
    dice = random.Random(reply.name)
    for _ in range(80):
        decoded_events = decode(dialect, [reply.body[: dice.randrange(len(reply.body))]])
        folded = fold(decoded_events)
        assert folded.ends == 1
        assert complete.reasoning.startswith(folded.reasoning)
        assert complete.answer.startswith(folded.answer)


@every_reply
def test_only_whole_recordings_have_a_finish_reason(reply: Recording) -> None:
    (finish,) = read(dialect_of(reply), reply.body).finishes
    assert (finish is not None) == reply.is_whole


@every_refusal
def test_a_recorded_refusal_is_read(refusal: Recording) -> None:
    error = DIALECTS["llamacpp"].error(offer_for("llamacpp"), refusal.status, {}, refusal.body)
    assert error.status == refusal.status
    assert error.message == " ".join(json.loads(refusal.body)["error"]["message"].split())
    assert error.hint
    kinds = {
        "err_401": errors.AuthenticationError,
        "err_404": errors.NotFoundError,
        "err_503_loading": errors.ServerError,
        "err_ctx_overflow": errors.ContextLengthError,
    }
    assert isinstance(error, kinds.get(refusal.name, errors.ApiError))


# ── streams and replies printed in the given pages ───────────────────────────────────────────────

_GAP = re.compile(r"^\.\.\.$", re.MULTILINE)


def printed(name: str, pattern: str) -> bytes:
    """Return the part of a page that matches, its lines as they are printed, gaps left out."""
    (path,) = reference_files(f"documents/{name}_*.txt")
    decoded_events = re.search(pattern, path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert decoded_events, pattern
    return _GAP.sub("", decoded_events[0]).encode()


@pytest.mark.usefixtures("reference")
class TestPrintedStreams:
    """The three replies that the pages print."""

    def check_cuts(self, dialect: str, body: bytes) -> None:
        expected = comparable(decode(dialect, [body]))
        assert not any(isinstance(event, ev.StreamError) for event in decode(dialect, [body]))
        for position in range(len(body)):
            parts = [body[:position], body[position:]]
            assert comparable(decode(dialect, parts)) == expected

    def test_the_compatible_stream(self) -> None:
        body = printed("000", r"^data: \{.*?^data: \[DONE\]$")
        folded = read("dashscope", body)
        texts = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
        deltas = [chunk["choices"][0]["delta"] for chunk in texts if chunk["choices"]]
        assert (
            folded.reasoning == "".join(delta["reasoning_content"] or "" for delta in deltas) != ""
        )
        assert folded.answer == "".join(delta["content"] or "" for delta in deltas) != ""
        assert folded.usage == ev.Usage(7, 290, None, 234)
        assert folded.finishes == ["stop"]
        self.check_cuts("dashscope", body)

    def test_the_native_stream(self) -> None:
        body = printed("000", r"^id:1$.*?^id:297$.*?\}\n")
        frames = [json.loads(line[5:]) for line in body.splitlines() if line.startswith(b"data:")]
        messages = [frame["output"]["choices"][0]["message"] for frame in frames]
        folded = read("dashscope_native", body)
        assert folded.reasoning == "".join(m["reasoning_content"] for m in messages) != ""
        assert folded.answer == "".join(m["content"] for m in messages) != ""
        assert folded.usage == ev.Usage(8, 298, None, 229)
        assert folded.finishes == ["stop"]
        assert folded.started[0].id == frames[0]["request_id"]
        self.check_cuts("dashscope_native", body)

    def test_the_gateways_whole_reply(self) -> None:
        body = printed("004", r'^\{\n    "id".*?^\}$')
        message = json.loads(body)["choices"][0]["message"]
        folded = read("wcode", body)
        assert (folded.reasoning, folded.answer) == (message["reasoning"], message["content"])
        assert folded.usage == ev.Usage(10, 349)
        assert folded.finishes == ["stop"]
        assert folded.started[0].model == "z-ai/glm-4.5"
