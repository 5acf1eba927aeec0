"""What cannot be kept is said each time, and what can be kept is: whatever happens to the file."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import glm_magic as glm
from glm_magic.session import autosave, repository, slots
from glm_magic.session.codec import LARGEST
from glm_magic.session.statements import insert
from glm_magic.session.store import Store, current_store
from tests.servers.script import Script, Tokens

pytestmark = pytest.mark.timeout(120)

WORDS = "".join(f"{number:04d} " for number in range(20_000))

KERNEL = """
import json, os, sys
import glm_magic as glm
url = sys.argv[1]
streams = []

def state(turn):
    return {"answer": turn.answer[:200], "status": turn.status,
            "notices": [n.message for n in turn.notices]}

for line in sys.stdin:
    verb, name, prompt = json.loads(line)
    if verb == "stop":
        break
    chat = glm.Session(name, provider="bigmodel", model="glm-4.6", base_url=url, api_key="test-key")
    if verb == "ask":
        stream = chat.stream(prompt)
        stream.wait()
        streams.append((chat, stream))
    elif verb == "start":
        stream = chat.stream(prompt)
        stream.start()
        streams.append((chat, stream))
    elif verb == "wait":
        chat, stream = streams[-1]
        stream.wait()
    print(json.dumps(state(stream.turn)), flush=True)
"""


class Kernel:
    """Another process that asks what it is told to."""

    def __init__(self, server):
        self.process = subprocess.Popen(
            [sys.executable, "-c", KERNEL, server.url + "/api/paas/v4"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, verb, name="shared", prompt="why?"):
        self.process.stdin.write(json.dumps([verb, name, prompt]) + "\n")
        self.process.stdin.flush()

    def do(self, verb, name="shared", prompt="why?"):
        self.tell(verb, name, prompt)
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def stop(self):
        self.tell("stop")
        assert self.process.wait(60) == 0, self.process.stderr.read()

    def close(self):
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


@pytest.fixture
def kernel(model_server):
    kernels = []

    def start():
        kernels.append(Kernel(model_server))
        return kernels[-1]

    yield start
    for other in kernels:
        other.close()


def wait_for(condition):
    """Wait until something is so; the test's own time limit ends it."""
    while not condition():
        time.sleep(0.02)


def codes(turn):
    return [notice.code for notice in turn.notices]


def answers(name):
    return [turn.answer for turn in glm.Session(name).turns]


def content_of(store):
    return b"".join(path.read_bytes() for path in store.path.parent.glob("sessions.db*"))


# ---- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2**63, 2**64 + 1, 10**30])
def test_a_count_beyond_64_bits_costs_neither_the_reply_nor_the_others(
    chat, store, model_server, another_kernel, monkeypatch, count
):
    monkeypatch.setattr(autosave, "PIECE_S", 0.05)
    model_server.tell(
        Script(answer=WORDS, pause_s=0.01), Script(answer="huge", tokens=Tokens(count, count))
    )
    other = chat("other").stream("long?")
    other.start()
    wait_for(lambda: store.read("SELECT * FROM piece"))
    session = chat("huge")
    assert session.ask("how many?").status == "complete"
    ((pieces,),) = store.read("SELECT count(*) FROM piece")
    wait_for(lambda: store.read("SELECT count(*) FROM piece")[0][0] > pieces + 2)
    other.close()
    assert "not-kept" not in codes(session.turns[0])
    run = session.slots[0].current.id
    stored = store.read("SELECT input, output FROM call WHERE run = ?", (run,))
    estimate = session.entries[0].usage
    believed = [(LARGEST, LARGEST)], [(None, None)], [(estimate.input, estimate.output)]
    assert stored in believed, "whether its dialect believes it"
    another_kernel()
    (turn,) = glm.Session("huge").turns
    assert (turn.answer, turn.status) == ("huge", "complete")


def test_a_value_of_the_wrong_type_is_refused_alone(store):
    batch = store.submit(
        [
            insert("setting", {"name": "good", "value": "1"}),
            insert("setting", {"name": "dict", "value": {"a": 1}}),
            insert("setting", {"name": "none", "value": None}),
            ("INSERT INTO nowhere VALUES (1)", ()),
            insert("setting", {"name": "huge", "value": 2**70}),
            insert("setting", {"name": "half \ud83d", "value": "\udcff"}),
        ]
    )
    assert "dict" in batch.refused
    assert batch.state == "refused"
    assert store.problem == ""
    rows = dict(store.read("SELECT name, value FROM setting"))
    assert rows == {"good": "1", "huge": str(LARGEST), r"half \ud83d": r"\udcff"}
    assert store.read("SELECT value FROM setting WHERE name = ?", ("half \ud83d",)) == [
        (r"\udcff",)
    ]
    assert store.read("SELECT value FROM setting WHERE name = ?", ({},)) == []
    assert store.problem == ""
    assert store.write([insert("setting", {"name": "later", "value": "2"})])


def test_a_part_of_a_turn_that_cannot_be_stored_is_said_in_its_panel(chat, store):
    chat("before").ask("x")
    store.write([("ALTER TABLE run ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'"
                  " CHECK (length(turn) < 3000)", ())])  # fmt: skip
    session = chat("refused")
    for _ in range(2):
        session.ask("y" * 5000)
        (notice,) = [n for n in session.turns[-1].notices if n.code == "not-kept"]
        assert "a part of it cannot be stored (IntegrityError" in notice.message
    assert chat("good").ask("short").status == "complete"
    assert codes(chat("good").turns[-1]) == []
    assert repository.by_name("good").turns == 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are Unicode")
def test_folders_whose_names_are_not_utf8_keep_their_own_sessions(
    chat, tmp_path, monkeypatch, another_kernel
):
    for byte in (b"\xff", b"\xfe"):
        folder = os.fsencode(tmp_path) + b"/caf" + byte
        Path(os.fsdecode(folder)).mkdir()
        monkeypatch.chdir(os.fsdecode(folder))
        assert chat(f"in {byte.hex()}").ask("where?").status == "complete"
        assert "not-kept" not in codes(chat(f"in {byte.hex()}").turns[0])
    another_kernel()
    assert repository.last_of_notebook([]).name == "in fe"
    os.chdir(os.fsencode(tmp_path) + b"/caf\xff")
    assert repository.last_of_notebook([]).name == "in ff"


def test_a_home_that_is_not_utf8_and_a_folder_that_is_gone_do_not_matter(
    chat, tmp_path, monkeypatch, another_kernel
):
    monkeypatch.setenv("GLM_HOME", os.fsdecode(os.fsencode(tmp_path) + b"/h\xff"))
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    session = chat("name \ud800")
    assert session.ask("1?").status == "complete"
    assert codes(session.turns[0]) == []
    another_kernel()
    assert len(glm.Session("name \ud800")) == 1


# ---- a file that goes ----------------------------------------------------------------------------


def _unlink(path):
    for file in path.parent.glob("sessions.db*"):
        file.unlink()


def _replace(path):
    for file in path.parent.glob("sessions.db*"):
        file.rename(file.with_name(f"old-{file.name}"))
    other = Store(path)
    assert other.write([insert("setting", {"name": "stranger", "value": "here"})])
    other.close()


LOSSES = {
    "file deleted": _unlink,
    "folder deleted": lambda path: shutil.rmtree(path.parent),
    "folder renamed": lambda path: path.parent.rename(path.parent.with_name("moved")),
    "replaced": _replace,
    "log deleted": lambda path: Path(f"{path}-wal").unlink(),
    "damaged and moved away": lambda path: (path.write_text("no database" * 900), _unlink(path)),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_file_that_is_gone_is_noticed_and_what_is_known_is_saved_again(
    chat, store, model_server, another_kernel, loss
):
    model_server.tell(*(Script(answer=word, tokens=Tokens(1, 2)) for word in "abcdef"))
    first, second = chat("first"), chat("second")
    first.ask("1?")
    first.retry().wait()
    second.ask("2?")
    first.hide(first.slots[0])
    LOSSES[loss](store.path)
    second.ask("3?")
    (notice,) = [n for n in second.turns[-1].notices if n.code == "saved-again"]
    assert "was deleted or replaced" in notice.message
    second.ask("4?")
    assert codes(second.turns[-1]) == [], "it is said once"
    assert store.problem == ""
    state = [(s.id, s.place, s.hidden, [v.turn.answer for v in s.variants]) for s in first.slots]
    sums = first.usage, second.usage
    another_kernel()
    again = glm.Session("first")
    assert state == [
        (s.id, s.place, s.hidden, [v.turn.answer for v in s.variants]) for s in again.slots
    ]
    assert answers("second") == ["c", "d", "e"]
    assert (again.usage, glm.Session("second").usage) == sums
    if loss == "replaced":
        assert store.read("SELECT value FROM setting WHERE name = 'stranger'") == [("here",)]


def test_a_file_that_another_process_deletes_while_a_reply_arrives(
    kernel, store, model_server, tmp_path
):
    model_server.tell(Script(answer="first"), Script(answer=WORDS, pause_s=0.005))
    other = kernel()
    other.do("ask", prompt="1?")
    other.do("start", prompt="2?")
    wait_for(lambda: len(store.read("SELECT * FROM piece")) > 1)
    store.close()
    subprocess.run(["rm", "-rf", str(store.path.parent)], check=True)
    wait_for(lambda: store.path.exists() and len(store.read("SELECT * FROM piece")) > 2)
    other.kill()
    first, cut = glm.Session("shared").turns
    assert first.answer == "first"
    assert cut.status == "interrupted"
    assert len(cut.answer) > 100
    assert WORDS.startswith(cut.answer), "its pieces fit together"


# ---- forget all ----------------------------------------------------------------------------------


def test_forget_all_empties_the_file_and_other_kernels_go_on(kernel, store, model_server, chat):
    model_server.tell(
        Script(answer="unmistakable"), Script(answer="unmistakable " * 30, pause_s=0.02),
        Script(answer="later"),
    )  # fmt: skip
    other = kernel()
    other.do("ask", prompt="secretly?")
    other.do("start", name="running", prompt="running?")
    inode = store.path.stat().st_ino
    wait_for(lambda: store.read("SELECT * FROM piece"))
    store.erase()
    assert store.path.stat().st_ino == inode
    assert b"secretly" not in content_of(store)
    assert other.do("wait")["notices"] == []
    assert other.do("ask", prompt="and now?")["notices"] == []
    assert [turn.prompt for turn in glm.Session("shared").turns] == ["and now?"]
    (kept,) = glm.Session("running").turns
    assert (kept.status, kept.answer) == ("complete", "unmistakable " * 30)
    assert store.read("SELECT count(*) FROM call")[0][0] == 2
    other.stop()


def test_forget_all_leaves_no_text_in_any_file(chat, store):
    for number in range(5):
        chat(f"s{number}").ask("unmistakable " * 500)
    store.erase()
    content = content_of(store)
    assert b"unmistakable" not in content
    assert b"s0" not in content
    assert b"bigmodel" not in content
    assert len(content) < 200_000, "it became smaller, too"
    assert store.read("SELECT count(*) FROM run") == [(0,)]


@pytest.mark.parametrize("how", ["undo", "reset", "drop"])
def test_what_is_taken_back_is_not_in_the_log_either(chat, store, how):
    session = chat("gone")
    session.ask("unmistakable")
    assert b"unmistakable" in content_of(store)
    session.drop(session.slots[0]) if how == "drop" else getattr(session, how)()
    assert b"unmistakable" not in content_of(store)


# ---- a file that is locked -----------------------------------------------------------------------


@pytest.fixture
def lock(store):
    """Hold the file in another connection, until it is let go."""

    class Lock:
        def hold(self, how="IMMEDIATE"):
            self.connection = sqlite3.connect(
                store.path, isolation_level=None, check_same_thread=False
            )
            self.connection.execute(f"BEGIN {how}")

        def go(self):
            self.connection.rollback()
            self.connection.close()

    return Lock()


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_file_delays_nobody_and_nothing_is_lost_when_it_goes(
    chat, store, lock, model_server, another_kernel, how
):
    model_server.tell(
        Script(answer="0"), Script(answer=WORDS, pause_s=0.01), *(Script(answer=x) for x in "123")
    )
    session, other = chat("locked"), chat("other")
    session.ask("0?")
    running = other.stream("long?")
    running.start()
    lock.hold(how)
    for number in range(1, 4):
        session.ask(f"{number}?")  # all of this while the file is held
        (notice,) = [n for n in session.turns[-1].notices if n.code == "not-kept"]
        assert "being written by another program" in notice.message
    session.hide(session.slots[1])
    assert store.is_locked
    assert not running.done
    gaps = [b.at_s - a.at_s for a, b in zip(running.events, running.events[1:], strict=False)]
    assert max(gaps) < 1.5, "the limit is for a busy computer: each wait is a quarter of a second"
    lock.go()
    wait_for(lambda: store.problem == "")
    assert session.ask("4?").status == "complete"
    assert codes(session.turns[-1]) == []
    running.close()
    another_kernel()
    again = glm.Session("locked")
    assert [turn.answer for turn in again.turns] == ["0", "1", "2", "3", "3"]
    assert [slot.hidden for slot in again.slots] == [False, True, False, False, False]
    assert len(answers("other")[0]) > 0


def test_a_process_that_ends_waits_for_a_lock_to_go(kernel, store, lock, model_server, chat):
    chat("before").ask("x")
    other = kernel()
    other.do("ask", name="mine", prompt="1?")
    lock.hold()
    assert "another program" in " ".join(other.do("ask", name="mine", prompt="2?")["notices"])
    other.tell("stop")
    threading.Timer(0.5, lock.go).start()
    assert other.process.wait(60) == 0
    assert len(glm.Session("mine")) == 2


# ---- a disk that takes no more -------------------------------------------------------------------

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
import glm_magic as glm
chat = glm.Session("limited", provider="bigmodel", model="glm-4.6", base_url=sys.argv[1],
                   api_key="test-key")
for n in range(6):
    chat.ask(str(n) + "x" * 50_000)
    print(len(chat.turns), sum(n.code == "not-kept" for n in chat.turns[-1].notices))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
chat.ask("room again")
print(len(chat.turns), sum(n.code == "not-kept" for n in chat.turns[-1].notices))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_each_turn_that_a_full_disk_does_not_take_says_so_until_there_is_room(model_server):
    model_server.tell(Script(answer="fine"))
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, model_server.url + "/api/paas/v4"],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    lines = [tuple(map(int, line.split())) for line in run.stdout.splitlines()]
    full = lines.index(next(line for line in lines if line[1]))
    assert [unsaved for _, unsaved in lines[full:]] == [1] * (6 - full) + [0]
    assert full <= 3
    turns = glm.Session("limited").turns
    assert [turn.prompt[0] for turn in turns] == [*"012345", "r"]


def test_a_damaged_file_that_is_moved_away_ends_the_loss(chat, store, another_kernel):
    store.path.parent.mkdir(parents=True)
    store.path.write_text("this is no database at all\n" * 50)
    session = chat("kept")
    session.ask("1?")
    session.ask("2?")
    assert all("is damaged" in n.message for turn in session.turns for n in turn.notices)
    store.path.rename(store.path.with_name("away"))
    session.ask("3?")
    assert codes(session.turns[-1]) == []
    another_kernel()
    assert len(glm.Session("kept")) == 3


# ---- order ---------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_changes_no_order(
    chat, model_server, another_kernel, monkeypatch, store
):
    clock = time.time
    model_server.tell(*(Script(answer=word) for word in ("one", "two", "three", "x", "four")))
    for back_h, prompt in ((0, "1?"), (0, "2?"), (1, "3?")):
        monkeypatch.setattr(time, "time", lambda hours=back_h: clock() - 3600 * hours)
        monkeypatch.setattr(slots, "_last_time", 0.0)  # as in a kernel that was just started
        another_kernel()
        chat("physics").ask(prompt)
    assert answers("physics") == ["one", "two", "three"]
    chat("chemistry").ask("x?")
    another_kernel()
    assert answers("physics") == ["one", "two", "three"]
    assert repository.names_on_disk()[:2] == ["chemistry", "physics"], "the last used one first"
    monkeypatch.setattr(time, "time", clock)
    chat("physics").ask("4?")
    another_kernel()
    assert answers("physics") == ["one", "two", "three", "four"]


# ---- what is damaged -----------------------------------------------------------------------------


def test_a_reply_that_is_damaged_on_disk_is_missed_aloud(chat, store, another_kernel):
    session = chat("worse")
    session.ask("1?")
    session.ask("2?")
    store.write([("UPDATE run SET turn = replace(turn, '\"content\": ', '\"content\": 5, \"c\": ')"
                  " WHERE id = ?", (session.slots[0].current.id,))])  # fmt: skip
    another_kernel()
    again = chat("worse")
    again.ask("3?")
    assert codes(again.turns[-1]) == ["not-read"]
    again.ask("4?")
    assert codes(again.turns[-1]) == []


def test_what_is_running_here_when_another_kernel_forgets_its_session_is_kept(
    chat, store, model_server, another_kernel
):
    model_server.tell(Script(answer="0"), Script(answer="word " * 40, pause_s=0.01))
    session = chat("gone")
    session.ask("0?")
    stream = session.stream("1?")
    stream.start()
    wait_for(lambda: stream.turn.answer)
    other = sqlite3.connect(store.path, isolation_level=None, timeout=10)
    other.execute("PRAGMA foreign_keys = ON")
    other.execute("DELETE FROM session")
    other.execute("DELETE FROM run")
    other.close()
    stream.wait()
    turn = stream.turn
    another_kernel()
    assert [replace(kept, notices=()) for kept in glm.Session("gone").turns] == [turn]
    assert current_store() is store
