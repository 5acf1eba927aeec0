"""A tape takes no more memory or time than its size allows, whatever its text says."""

from __future__ import annotations

import hashlib
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from glm_magic.core.errors import TapeError
from glm_magic.core.spellings import Spellings
from glm_magic.wire.tape import line_delta, redact
from glm_magic.wire.tape import tape as tapes
from glm_magic.wire.tape.format import checksum, read, write
from glm_magic.wire.tape.line_delta import LineDeltaDecoder
from glm_magic.wire.tape.matching import Chunk
from glm_magic.wire.tape.tape import Tape
from tests.linear import is_linear
from tests.tapes.test_text import PATH, entry_of, words


def with_lines(lines: list[str], **changes: str) -> str:
    """Return a tape with right sums whose reply has these lines; `changes` replace a line."""
    text = write([entry_of([])])
    head = text[: text.index("reply 1")].rstrip("\n").splitlines()
    block = text[text.index("reply 1") : text.index("\nsum ")].rstrip("\n").splitlines()
    block = [changes.get(line.partition(" ")[0], line) for line in block]
    block[-1:-1] = ["@0.100", *lines] if lines else []
    total = checksum(block)
    end = f"end 1 {checksum([*head, total])}"
    return "\n".join([*head, "", *block, f"sum {total}", "", end]) + "\n"


BOMBS = {
    "doubling": ["|" + "x" * 70, *(f"*{n} {n} x" for n in [70 * 2**k for k in range(30)])],
    "the same long line": ["|" + "x" * 100_000, *["*50000 50000 "] * 2000],
    "more than there is": ["|" + "x" * 70, "*70 70 x"],
    "a huge count": ["|" + "x" * 70, "*999999999999999999 0 x"],
    "a negative count": ["|" + "x" * 70, "*-5 5 x"],
    "no count": ["|" + "x" * 70, "*a b x"],
    "other digits": ["|" + "x" * 70, "*٣ 1 x"],
    "nothing before": ["*5 5 x"],
    "five thousand digits": ["|" + "x" * 70, "*" + "9" * 5000 + " 0 x"],
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_tape_that_says_more_than_it_may_is_refused(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "bomb.glmtape"
    path.write_text(with_lines(BOMBS[bomb]), encoding="utf-8")
    with pytest.raises(TapeError) as caught:
        Tape.read(path)
    assert len(caught.value.lines()) == 2
    expected = "more than 64 MB" if bomb == "the same long line" else "cannot be parsed"
    assert expected in caught.value.message


LIMITED = """
import resource, sys
from pathlib import Path
from glm_magic.wire.tape.tape import Tape
import glm_magic.core.errors as errors
size = 700 * 1024 * 1024
resource.setrlimit(resource.RLIMIT_AS, (size, size))
try:
    Tape.read(Path(sys.argv[1]))
except errors.TapeError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of memory")
def test_a_bomb_is_read_in_little_memory(tmp_path: Path) -> None:
    assert resource.RLIMIT_AS
    path = tmp_path / "bomb.glmtape"
    lines = ["|" + "x" * 2_000_000, *["*1000000 1000000 "] * 400]  # 800 MB of 2
    path.write_text(with_lines(lines), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "holds more than 64 MB of replies" in run.stdout


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "status 200 nan"},
        {"status": "status 200 inf"},
        {"status": "status 200 -1"},
        {"status": "status 2e2 0.1"},
        {"status": "status 200 1e300"},
        {"whole": "whole 1e9"},
        {"headers": "headers 5"},
        {"headers": "headers " + "[" * 100_000},
        {"parameters": "parameters []"},
        {"parameters": 'parameters {"a": ' + "9" * 5000 + "}"},
        {"message": "message 5"},
        {"recorded": "recorded 0000-01-01T00:00:00Z"},
    ],
)
def test_a_value_that_is_none_is_refused_in_two_lines(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    path = tmp_path / "odd.glmtape"
    path.write_text(with_lines([], **changes), encoding="utf-8")
    with pytest.raises(TapeError, match="cannot be parsed") as caught:
        Tape.read(path)
    assert len(caught.value.lines()) == 2


def test_a_sound_tape_made_by_hand_is_read(tmp_path: Path) -> None:
    (entry,) = read(with_lines(["|" + "y" * 70, "*30 40 z"]), PATH)
    assert entry.body == b"y" * 70 + b"\n" + b"y" * 30 + b"z" + b"y" * 40 + b"\n\n"


@pytest.mark.parametrize("version", ["9" * 5000, "1e5", "²", ""])
def test_a_version_that_is_no_number_is_no_tape(tmp_path: Path, version: str) -> None:
    path = tmp_path / "odd.glmtape"
    path.write_text(f"glmtape {version}\n", encoding="utf-8")
    with pytest.raises(TapeError, match="is not a tape"):
        Tape.read(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs devices")
def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "zero.glmtape").symlink_to("/dev/zero")
    with pytest.raises(TapeError, match="cannot be read"):
        Tape.read(tmp_path / "zero.glmtape")


@pytest.mark.usefixtures("quiet_heap")
def test_reading_is_linear() -> None:
    def lines_of(count: int) -> list[str]:
        return ["|" + "x" * 120, *["*60 60 y", "~50 70 z"] * count]

    def restored(lines: list[str]) -> int:
        return sum(1 for _ in LineDeltaDecoder().decode(lines))

    assert all(restored(lines_of(count)) == 1 + 3 * count for count in (5_000, 20_000))
    assert is_linear(restored, 5_000, 20_000, given=lines_of)


def ids_of_a_server(count: int, *, distinct: bool) -> list[str]:
    return [hashlib.md5(str(n * distinct).encode()).hexdigest() for n in range(count)]


@pytest.mark.usefixtures("quiet_heap")
@pytest.mark.parametrize("distinct", [False, True])
def test_ids_are_taken_out_in_linear_time(*, distinct: bool) -> None:
    def chunks_of(count: int) -> list[Chunk]:
        ids = ids_of_a_server(count, distinct=distinct)
        lines = [f'data: {{"id": "{id_}", "choices": []}}\n\n'.encode() for id_ in ids]
        return [Chunk(n / 10, line) for n, line in enumerate(lines)]

    def clean(chunks: list[Chunk]) -> bytes:
        return b"".join(chunk.data for chunk in redact.without_ids(chunks, Spellings(())))

    for count in (2_000, 8_000):
        body = clean(chunks_of(count))
        ids = ids_of_a_server(count, distinct=distinct)
        assert not any(id_.encode() in body for id_ in ids[:: max(1, count // 50)])
        assert body.count(redact.PLACEHOLDER) == count
    assert is_linear(clean, 2_000, 8_000, given=chunks_of)


def test_the_longest_id_is_taken_out_whole() -> None:
    ids = [
        "abcdef",
        "abcdefgh",
        *(f"abcdef{n}" for n in range(20)),
        *(f"x{n:07d}" for n in range(9)),
    ]
    records = "".join(f'data: {{"id": "{id_}"}}\n\n' for id_ in ids).encode()
    (clean,) = redact.without_ids([Chunk(0.0, records)], Spellings({"abcdefghij"}))
    assert clean.data == b'data: {"id": "(not on the tape)"}\n\n' * len(ids)


def test_a_tape_that_is_full_says_so_and_can_still_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tapes, "MOST_OUTPUT", 3000)
    monkeypatch.setattr(line_delta, "MOST_OUTPUT", 3000)
    tape = Tape(tmp_path / "t.glmtape")
    tape.keep(entry_of(words("one two"), "first"))
    with pytest.raises(TapeError, match="is full") as caught:
        tape.keep(entry_of([b"x" * 3000], "second"))
    assert re.search("another tape", caught.value.hint)
    tape.keep(entry_of(words("three"), "third"))
    entries = Tape.read(tape.path).entries
    assert [entry.asked.prompt for entry in entries] == ["first", "third"]
