"""What a session says is on disk when it is said, for its owner only, and comes back unchanged."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glm_magic as glm
from glm_magic.core.messages import ToolCall
from glm_magic.core.price import Cost
from glm_magic.core.turn import Notice, Step, Timing, Turn
from glm_magic.core.usage import Usage
from glm_magic.session import autosave, budgets, database, repository
from glm_magic.session import store as stores
from glm_magic.session.amounts import TOKENS, Amount
from glm_magic.session.codec import TextDelta, apply_delta, decode, encode
from glm_magic.session.ledger import Total
from glm_magic.session.store import Store, current_store
from tests.servers.script import Script, Tokens

TEXT = st.text(max_size=40)
COUNT = st.none() | st.integers(0, 10**9)
USAGE = st.none() | st.builds(Usage, COUNT, COUNT, COUNT, COUNT)
SECONDS = st.none() | st.floats(0, 1e9)
COST = st.none() | st.builds(
    Cost, st.decimals(0, 10**6, places=9), st.sampled_from(["CNY", "USD"]), st.booleans()
)
STATUS = st.sampled_from(["streaming", "complete", "incomplete", "interrupted", "failed"])
STEP = st.builds(
    Step, TEXT, TEXT, st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    USAGE, USAGE, COST, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT,
    st.builds(Timing, SECONDS, SECONDS, SECONDS, SECONDS, SECONDS), STATUS,
)  # fmt: skip
TURN = st.builds(
    Turn, TEXT, TEXT, TEXT, st.lists(STEP, max_size=3).map(tuple), STATUS,
    st.lists(st.builds(Notice, TEXT, TEXT), max_size=2).map(tuple), st.none() | TEXT,
)  # fmt: skip


def through_json(value):
    return json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False))


@given(TURN)
def test_a_turn_goes_through_json_unchanged(turn):
    assert decode(Turn, through_json(encode(turn))) == turn


def test_a_turn_of_another_version_is_read_as_far_as_it_is_known():
    data = {"prompt": "p", "provider": "x", "model": "m", "steps": [{"content": "a", "mood": 1}],
            "status": "complete", "colour": "green"}  # fmt: skip
    assert decode(Turn, data) == Turn("p", "x", "m", (Step(content="a"),), "complete")


@given(st.lists(TURN, min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_pieces_make_the_turn_again_whatever_was_lost_between(turns, written):
    growth, known = TextDelta(), None
    for turn, is_written in zip(turns, written, strict=False):
        piece = through_json(growth.piece(turn))
        if is_written:
            known = apply_delta(known, piece)
            assert decode(Turn, known) == turn
        else:
            growth.lost()


def test_a_growing_reply_is_written_only_once():
    growth, size = TextDelta(), 0
    for length in range(0, 100_000, 1000):
        turn = Turn("p", "x", "m", (Step(content="a" * length),), "streaming")
        size += len(json.dumps(growth.piece(turn)))
    assert size < 150_000


def test_a_named_session_goes_on_where_it_was(chat, model_server, another_kernel):
    model_server.tell(*(Script(answer=word, reasoning="hm") for word in ("one", "two", "2b", "3")))
    first = chat("physics", system="be brief")
    first.ask("1?")
    first.ask("2?")
    first.retry().wait()
    first.hide(first.slots[0])
    first.choose(first.slots[1], 0)
    another_kernel()
    again = glm.Session("physics", api_key="test-key")
    assert again.id == first.id
    assert [slot.turns for slot in again.slots] == [slot.turns for slot in first.slots]
    assert [(s.place, s.hidden, s.key, s.id) for s in again.slots] == [
        (s.place, s.hidden, s.key, s.id) for s in first.slots
    ]
    assert again.options.system == "be brief"
    assert again.context() == first.context()
    assert again.stale() == set(again.slots[1:2])
    assert first.stale() == set(first.slots[1:2])
    assert (again.usage, again.cost) == (first.usage, first.cost)
    again.ask("3?")
    assert [m["content"] for m in model_server.requests[-1].json["messages"]] == [
        "be brief", "2?", "two", "3?",
    ]  # fmt: skip


def test_an_older_kernel_goes_on_while_a_newer_version_adds_columns(
    chat, store, model_server, another_kernel
):
    tokens = Tokens(200, 10)
    cut = Script(answer="2 and more", piece_chars=1, stall_after=1)
    model_server.tell(Script(answer="1", tokens=tokens), cut, Script(answer="2b", tokens=tokens))
    session = chat("physics")
    session.ask("why? " * 50)
    budgets.put(budgets.DAY, "900000 tokens")
    tables = [name for (name,) in store.read("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        assert store.write(
            [(f"ALTER TABLE {table} ADD COLUMN mood TEXT NOT NULL DEFAULT 'new'", ())]
        )
        assert store.write([(f"UPDATE {table} SET mood = 'old'", ())])
    session.hide(session.slots[0])
    with session.stream("why? " * 40) as stream:
        next(event for event in stream if isinstance(event, glm.ContentDelta))
        savers = autosave._shared.get()._savers  # a turn of an earlier test may be ending still
        (saver,) = (saver for saver in savers if saver.variant.source is stream)
        saver.write_piece()
        assert store.read("SELECT DISTINCT mood FROM piece") == [("new",)]
    session.retry().wait()
    session.choose(session.slots[1], 0)
    session.set_budget(Amount(Decimal(700_000), TOKENS))
    session.fork("other")
    budgets.put(budgets.DAY, "800000 tokens")
    another_kernel()
    again = glm.Session("physics", api_key="test-key")
    assert [slot.turns for slot in again.slots] == [slot.turns for slot in session.slots]
    assert [turn.answer for turn in again.turns] == ["1", "2"]
    assert (again.budget, again.usage) == (session.budget, session.usage)
    assert [turn.answer for turn in glm.Session("other").turns] == ["1", "2"]
    assert budgets.get(budgets.DAY) == "800000 tokens"
    old_and_new = {"session", "slot", "variant", "run", "call", "setting"}
    for table in old_and_new:  # rows that were there keep what the newer version put in them
        moods = {mood for (mood,) in store.read(f"SELECT mood FROM {table}")}
        assert "old" in moods, table
    assert store.problem == ""


def test_a_new_default_session_begins_without_turns(chat):
    chat("default").ask("1?")
    assert len(chat("default")) == 0
    assert len(chat("physics", fresh=True)) == 0


def test_no_key_is_in_the_file(chat, store):
    chat("secret").ask("1?")
    store.shrink()
    assert b"test-key" not in b"".join(p.read_bytes() for p in store.path.parent.glob("sessions*"))


def test_the_file_is_for_its_owner_only(chat, store):
    chat("mine").ask("1?")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in store.path.parent.glob("sessions.db*")}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}
    assert store.read("PRAGMA journal_mode") == [("wal",)]


def test_undo_drop_and_reset_delete_the_texts_and_keep_the_sums(
    chat, store, model_server, another_kernel
):
    model_server.tell(Script(answer="unmistakable", tokens=Tokens(10, 20)))
    session = chat("gone")
    for _ in range(4):
        session.ask("what?")
    fork = session.fork("fork")
    session.undo()
    session.drop(session.slots[0])
    session.reset()
    assert len(store.read("SELECT * FROM run")) == 4, "the fork has them still"
    fork.reset()
    assert store.read("SELECT * FROM run") == store.read("SELECT * FROM slot") == []
    another_kernel()
    assert Total.of(chat("gone").entries).calls == 0, "a session without turns begins anew"
    assert store.read("SELECT sum(input), sum(output) FROM call") == [(40, 80)]
    store.shrink()
    assert b"unmistakable" not in store.path.read_bytes()


def test_forget_deletes_a_session_and_not_the_sums(chat, store):
    session, other = chat("one"), chat("two")
    session.ask("unmistakable")
    other.ask("stays")
    repository.forget(session.id)
    assert repository.by_name("one") is None
    assert repository.by_name("two").turns == 1
    assert store.read("SELECT count(*), session_name FROM call GROUP BY 2 ORDER BY 2") == [
        (1, ""), (1, "two"),
    ]  # fmt: skip
    assert b"unmistakable" not in store.path.read_bytes()


def test_the_off_switch_keeps_everything_in_memory(chat, monkeypatch, store):
    monkeypatch.setenv("GLM_STORE", "off")
    session = chat("quiet")
    session.ask("1?")
    session.ask("2?")
    assert len(session) == 2
    assert not store.path.exists()


def test_money_is_exact_on_disk(chat, model_server, store, another_kernel):
    model_server.tell(Script(tokens=Tokens(7, 290)))
    session = chat("money", model="glm-4.5-flash")
    session.ask("1?")
    assert store.read("SELECT amount, currency FROM call") == [("0", "CNY")]
    another_kernel()
    entry = glm.Session("money").entries[0]
    assert entry.cost == Cost(Decimal(0), "CNY", estimated=True)  # at another address
    assert entry.usage == Usage(7, 290)


# ---- what can go wrong with a disk ---------------------------------------------------------------


def not_kept(session):
    return [n.message for turn in session.turns for n in turn.notices if n.code == "not-kept"]


def without_notices(session):
    """Return the turns; one that was saved after all does not say on disk that it is not."""
    return [replace(turn, notices=()) for turn in session.turns]


def asked_twice(chat, name="still"):
    """Ask two questions, which has to work whatever the disk does."""
    session = chat(name)
    assert session.ask("1?").status == "complete"
    assert session.ask("2?").status == "complete"
    assert len(session.turns) == 2
    return session


def test_a_folder_that_cannot_be_made_is_said_each_time(chat, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLM_HOME", str(tmp_path / "file" / "glm"))
    notices = not_kept(asked_twice(chat))
    assert len(notices) == 2
    for notice in notices:
        assert "cannot be written" in notice
        assert "GLM_HOME" in notice


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system nobody may write")
def test_a_read_only_folder_is_said_each_time(chat, monkeypatch):
    monkeypatch.setenv("GLM_HOME", "/proc/self")
    notices = not_kept(asked_twice(chat))
    assert len(notices) == 2
    assert all("cannot be written" in notice for notice in notices)


@pytest.mark.parametrize("damage", ["text", "middle"])
def test_a_damaged_file_is_left_alone(chat, store, damage):
    if damage == "text":
        store.path.parent.mkdir(parents=True)
        store.path.write_text("this is no database at all\n" * 50)
    else:
        chat("before").ask("x" * 20_000)
        store.shrink()
        store.close()
        content = bytearray(store.path.read_bytes())
        content[4096:] = os.urandom(len(content) - 4096)
        store.path.write_bytes(content)
    before = store.path.read_bytes()
    session = chat("still")
    session.ask("1?")
    assert "is damaged" in not_kept(session)[0]
    assert "forget all" in not_kept(session)[0]
    session.ask("2?")
    assert len(session.turns) == 2
    assert len(not_kept(session)) == 2
    assert store.path.read_bytes() == before
    store.erase()
    chat("after").ask("1?")
    assert repository.by_name("after").turns == 1


def test_a_newer_file_is_left_alone(chat, store):
    chat("before").ask("1?")
    store.close()
    other = sqlite3.connect(store.path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    notices = not_kept(asked_twice(chat))
    assert len(notices) == 2
    assert all("newer glm_magic" in notice and "format 99" in notice for notice in notices)


def test_a_full_disk_is_said_and_made_up_for_when_there_is_room(
    chat, store, model_server, another_kernel
):
    model_server.tell(Script(answer="word " * 2000, piece_chars=2000))
    session = chat("full")
    session.ask("1?")
    ((pages,),) = store.read("PRAGMA page_count")
    store.write([(f"PRAGMA max_page_count = {pages}", ())])
    session.ask("2?")
    session.ask("3?")
    assert "cannot grow" in store.problem
    assert "full" in "".join(not_kept(session))
    assert len(session.turns) == 3
    assert repository.by_name("full").turns < 3
    store._database._writer.execute("PRAGMA max_page_count = 1000000")
    session.ask("4?")
    assert store.problem == ""
    another_kernel()
    again = glm.Session("full")
    assert without_notices(again) == without_notices(session)


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
import glm_magic as glm
chat = glm.Session("limited", provider="bigmodel", model="glm-4.6", base_url=sys.argv[1],
                   api_key="test-key")
for n in range(4):
    chat.ask("x" * 50_000)
print(len(chat.turns), [n.message for t in chat.turns for n in t.notices])
"""


def test_a_disk_that_really_takes_no_more_does_not_end_the_conversation(model_server):
    model_server.tell(Script(answer="fine"))
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, model_server.url + "/api/paas/v4"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.stdout.startswith("4 ["), run.stderr
    assert "not kept" in run.stdout


def test_a_file_that_another_program_locks_is_waited_for_and_then_made_up_for(
    chat, store, monkeypatch, another_kernel
):
    monkeypatch.setattr(stores, "BUSY_S", 0.05)
    chat("locked").ask("1?")
    store.close()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    another_kernel()
    session = chat("locked")
    assert session.ask("2?").status == "complete"
    assert "another program" in "".join(not_kept(session))
    other.execute("ROLLBACK")
    other.close()
    session.ask("3?")
    another_kernel()
    assert len(glm.Session("locked")) == 3


def test_an_interrupt_in_the_middle_of_writing_leaves_a_file_that_can_be_written(chat, store):
    chat("before").ask("1?")

    def interrupted():
        yield "INSERT INTO setting VALUES ('half', 'written')", ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.execute(store._database._writer, interrupted())
    assert store.read("SELECT * FROM setting WHERE name = 'half'") == []
    session = chat("after")
    session.ask("1?")
    assert store.problem == ""
    assert not_kept(session) == []
    assert repository.by_name("after").turns == 1


FORKING = """
import os, sys
import glm_magic as glm
chat = glm.Session("parent", provider="bigmodel", model="glm-4.6", base_url=sys.argv[1],
                   api_key="test-key")
chat.ask("1?")
child = os.fork()
if not child:
    fork = chat.fork("child")
    fork.ask("2?")
    os._exit(len(fork))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
chat.ask("3?")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_writes_the_same_file(model_server, store):
    command = [sys.executable, "-W", "ignore", "-c", FORKING, model_server.url + "/api/paas/v4"]
    subprocess.run(command, check=True, timeout=60)
    assert len(glm.Session("parent")) == len(glm.Session("child")) == 2
    assert store.read("PRAGMA integrity_check") == [("ok",)]


# ---- several processes ---------------------------------------------------------------------------

ASKER = """
import sys
import glm_magic as glm
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
chat = glm.Session(name, provider="bigmodel", model="glm-4.6", base_url=url, api_key="test-key")
print("ready", flush=True)
for n in range(count):
    reply = chat.ask(f"{name} {n}?")
    print("done", n, flush=True)
"""


def asker(server, name, count):
    return subprocess.Popen(
        [sys.executable, "-c", ASKER, server.url + "/api/paas/v4", name, str(count)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_several_kernels_write_one_file(model_server, store):
    model_server.tell(Script(answer="fine", tokens=Tokens(10, 20)))
    kernels = [asker(model_server, name, 8) for name in ("a", "b", "shared", "shared")]
    assert [kernel.wait(90) for kernel in kernels] == [0] * 4
    for kernel in kernels:
        assert kernel.stdout.read().count("done") == 8
        kernel.stdout.close()
    assert len(glm.Session("a")) == len(glm.Session("b")) == 8
    saved = repository.saved_sessions(current_store(), "name = 'shared'")
    assert sum(kept.turns for kept in saved) == 16, "none has lost a turn of the other"
    assert store.read("SELECT count(*), sum(output) FROM call") == [(32, 640)]
    assert store.read("PRAGMA integrity_check") == [("ok",)]


def killed(server, store, after_s, name):
    """Kill a process that streams, and check what is on disk; return what it had finished."""
    process = asker(server, name, 1000)
    assert process.stdout.readline() == "ready\n"
    time.sleep(after_s)
    process.kill()
    rest = process.stdout.read()
    process.stdout.close()
    process.wait()
    finished = rest.count("done")
    session = glm.Session(name)
    turns = session.turns
    whole = [turn for turn in turns if turn.status == "complete"]
    assert len(whole) >= finished, (name, rest, [t.status for t in turns])
    assert all(turn.answer == ANSWER and turn.usage for turn in whole)
    assert [turn.status for turn in turns[len(whole) :]] in ([], ["interrupted"])
    assert all(ANSWER.startswith(turn.answer) for turn in turns)
    return finished, turns


ANSWER = "".join(f"{number} " for number in range(60))


def _kill_many(server, store, count, seed):
    import random

    chance = random.Random(seed)
    server.tell(Script(answer=ANSWER, reasoning="hm " * 10, pause_s=0.01, piece_chars=6))
    finished = sum(
        killed(server, store, chance.uniform(0, 1.5), f"k{number}")[0] for number in range(count)
    )
    Store(store.path).close()
    assert store.read("PRAGMA integrity_check") == [("ok",)]
    return finished


@pytest.mark.timeout(120)
def test_a_killed_process_loses_no_finished_turn(model_server, store):
    assert _kill_many(model_server, store, 15, seed=1) > 0


@pytest.mark.timeout(120)
def test_a_killed_process_loses_at_most_a_second_of_a_running_turn(model_server, store):
    model_server.tell(Script(answer="".join(f"{n:04d} " for n in range(20_000)), pause_s=0.01))
    process = asker(model_server, "running", 1)
    assert process.stdout.readline() == "ready\n"
    while store.read("SELECT count(*) FROM piece") in ([], [(0,)], [(1,)], [(2,)]):
        time.sleep(0.05)
    time.sleep(0.6)
    process.kill()
    killed_at = time.time()
    process.stdout.close()
    process.wait()
    session = glm.Session("running")
    (turn,) = session.turns
    assert turn.status == "interrupted"
    assert turn.answer
    lived_s = killed_at - turn.timing.started_at
    assert lived_s - turn.timing.total_s < 1.0 + 1.0, "a second, and one for a busy computer"
    ((pieces,),) = store.read("SELECT count(*) FROM piece")
    assert 3 <= pieces <= lived_s / 0.9 + 1, "at most about one a second"
    assert [m.content for m in session.context()][1] == turn.answer
    assert session.entries[0].estimated


# ---- what is deleted while it arrives, and what two kernels do at once ---------------------------


@pytest.mark.parametrize("how", ["undo", "reset", "forget"])
def test_what_is_taken_back_while_it_arrives_stays_away_and_the_store_goes_on(
    chat, store, model_server, monkeypatch, how
):
    monkeypatch.setattr(autosave, "PIECE_S", 0.05)
    model_server.tell(Script(answer="unmistakable " * 40, pause_s=0.01), Script(answer="fine"))
    session = chat("taken")
    session_id = session.id
    stream = session.stream("secret?")
    stream.start()
    while not store.read("SELECT * FROM piece"):
        time.sleep(0.02)
    if how == "forget":
        session.reset()
        repository.forget(session_id)
    else:
        getattr(session, how)()
    stream.wait()
    assert store.read("SELECT count(*) FROM run") == [(0,)]
    if how == "forget":
        assert store.read("SELECT DISTINCT session_name FROM call") == [("",)]
    assert chat("other").ask("next?").status == "complete"
    assert store.problem == ""
    assert repository.by_name("other").turns == 1


def test_two_kernels_that_ask_the_same_prompt_again_keep_both_answers(
    chat, model_server, another_kernel
):
    model_server.tell(*(Script(answer=word) for word in ("zero", "one", "two")))
    first = chat("shared")
    first.ask("x")
    another_kernel()
    second = chat("shared")
    first.retry().wait()
    second.retry().wait()
    another_kernel()
    (slot,) = glm.Session("shared").slots
    assert [turn.answer for turn in slot.turns] == ["zero", "one", "two"]


def test_a_damaged_row_hides_no_other_session(chat, store, another_kernel):
    for name in ("good", "bad", "worse"):
        chat(name).ask("x")
    store.write([("UPDATE session SET options = '{' WHERE name = 'bad'", ())])
    store.write([("UPDATE run SET turn = '{' WHERE id IN (SELECT run FROM variant JOIN session ON"
                  " session.id = session WHERE name = 'worse')", ())])  # fmt: skip
    another_kernel()
    assert set(repository.names_on_disk()) == {"good", "worse"}
    assert glm.Session("worse").turns == []
    assert len(glm.Session("good").turns) == 1


def test_a_call_that_was_running_when_the_kernel_died_was_interrupted():
    from glm_magic.core.messages import ToolRun
    from glm_magic.session.rows import cut_short

    call = ToolCall("c", "deploy", "{}")
    step = Step(tool_calls=(call,), runs=(ToolRun("c", "running"),), status="complete")
    turn = cut_short(Turn("x", "zai", "glm-4.6", (step,), "streaming"))
    assert turn.steps[0].runs[0].status == "interrupted"
    assert "may have had an effect" in turn.steps[0].to_messages("zai")[1].content
