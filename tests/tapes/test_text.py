"""The text of a tape: every byte comes back, and nothing can be changed unseen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.core.errors import TapeError
from glm_magic.wire.tape.format import read, write
from glm_magic.wire.tape.matching import Chunk, Recording, RequestKey
from glm_magic.wire.tape.tape import Tape

PATH = Path("lesson.glmtape")
WHEN = datetime(2026, 11, 21, 14, 55, 2, tzinfo=UTC)
WRAPPED = 'data: {{"choices":[{{"delta":{{"content":"{}"}},"index":0}}],"object":"chunk"}}\n\n'


def entry_of(chunks: list[bytes], prompt: str = "why?", **fields: object) -> Recording:
    asked = RequestKey("zai", "glm-4.6", ({"role": "user", "content": prompt},), {"temperature": 0})
    timed = tuple(Chunk(number / 8, data) for number, data in enumerate(chunks))
    entry = Recording(asked, WHEN, 200, 0.125, timed, "whole", 9.5, {"content-type": "text/x"})
    return entry if not fields else Recording(**{**{f: getattr(entry, f) for f in entry.__slots__},
                                             **fields})  # fmt: skip


def words(text: str) -> list[bytes]:
    return [WRAPPED.format(word).encode() for word in text.split()]


@given(st.lists(st.binary(max_size=40) | st.sampled_from(words("a b 思考 “x” r\\n")), max_size=8))
def test_every_byte_of_every_chunk_comes_back(chunks: list[bytes]) -> None:
    entries = [entry_of([data for data in chunks if data])]
    assert read(write(entries), PATH) == entries


@given(st.text(max_size=60), st.sampled_from(["user", "tool"]))
def test_every_message_comes_back(content: str, role: str) -> None:
    content = content.encode("utf-8", "replace").decode()
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "\\n"}'}}
    messages = (
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "assistant", "content": None},
        {"role": role, "content": content, "tool_call_id": "c1"},
    )
    entry = entry_of([], asked=RequestKey("zai", "glm-4.6", messages, {}))
    assert read(write([entry]), PATH) == [entry]


def test_a_cut_character_and_crlf_come_back_and_words_stay_readable() -> None:
    line = WRAPPED.format("思考").encode()
    chunks = [*words("The sky is"), line[:40], line[40:], b"data: x\r\n\r", b"\ndata: y\r\n"]
    text = write([entry_of(chunks)])
    assert read(text, PATH)[0].body == b"".join(chunks)
    assert [row.split(" ", 2)[2] for row in text.splitlines() if row[0:1] == "*"] == ["sky", "is"]


def test_a_tape_survives_the_line_ends_of_another_system() -> None:
    text = write([entry_of(words("one two three"))])
    assert read(text.replace("\n", "\r\n"), PATH) == read(text, PATH)


def test_no_byte_can_be_changed_unseen(tmp_path: Path) -> None:
    path = tmp_path / "lesson.glmtape"
    whole = write([entry_of(words("one 二 three")), entry_of([b"{}"], "and now?")]).encode()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(TapeError) as caught:
            Tape.read(path)
        assert caught.value.hint, at


def test_no_end_can_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "lesson.glmtape"
    whole = write([entry_of(words("one 二 three")), entry_of([b"{}"])]).encode()
    for length in range(len(whole) - 2):
        path.write_bytes(whole[:length])
        with pytest.raises(TapeError):
            Tape.read(path)


def problem(text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "lesson.glmtape"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TapeError) as caught:
        Tape.read(path)
    return caught.value.lines()


def test_each_fault_is_told_in_two_lines_that_name_it(tmp_path: Path) -> None:
    text = write([entry_of(words("one two")), entry_of(words("three"))])
    changed, hint = problem(text.replace(" two\n", " six\n"), tmp_path)
    assert "lesson.glmtape was changed after it was recorded: reply 1, line 5," in changed
    assert "record it again" in hint
    cut, _ = problem(text[: text.index("end 2")], tmp_path)
    assert cut.endswith("is cut off: its end is missing after 2 replies")
    newer, hint = problem(text.replace("glmtape 1", "glmtape 3"), tmp_path)
    assert "has format 3; this glm_magic reads formats up to 2" in newer
    assert "pip install --upgrade" in hint
    other, _ = problem("# a page\n", tmp_path)
    assert "is not a tape" in other
    with pytest.raises(TapeError, match=r"nothing\.glmtape cannot be read: No such file"):
        Tape.read(tmp_path / "nothing.glmtape")


def test_taking_a_reply_out_or_changing_their_order_is_seen(tmp_path: Path) -> None:
    replies = [entry_of(words(word), word) for word in ("one", "two", "three")]
    whole = write(replies)
    one = whole[whole.index("reply 1") : whole.index("reply 2")]
    assert "reply 1, line 5, does not match" in problem(whole.replace(one, ""), tmp_path)[0]
    fewer = write(replies[1:])
    swapped = fewer.replace(fewer[fewer.rindex("end") :], whole[whole.rindex("end") :])
    assert "the end, line" in problem(swapped, tmp_path)[0]
