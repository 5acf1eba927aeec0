"""Pictures in a conversation: sent again, kept once, forgotten, exported, and on tapes."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

import glm_magic as glm
from glm_magic.core.errors import NotOnTapeError
from glm_magic.session import contents, notebook, repository
from glm_magic.session.contents import contents_store
from glm_magic.session.conversation import Conversation
from glm_magic.session.session import Session
from glm_magic.wire.tape.tape import Tape
from tests.api.providers import Place
from tests.pictures.conftest import at_zai, noise, seen


def rows(sql):
    return contents_store().read(sql)


def reopened(session):
    """Return the session as another kernel has it."""
    notebook.conversations.clear()
    return Session.of(Conversation.load(repository.by_name(session.name)))


def test_a_picture_goes_with_every_later_turn(server):
    chat = Session("chat", **at_zai(server))
    chat.ask("what is it?", attach=noise(40, 50))
    chat.ask("and the other?", attach=255 - noise(40, 50))
    chat.ask("compare them")
    assert all(map(np.array_equal, seen(server), [noise(40, 50), 255 - noise(40, 50)]))
    first, _, second, *_ = server.last.json["messages"]
    assert [part["type"] for part in first["content"]] == ["image_url", "text"]
    assert [part["type"] for part in second["content"]] == ["image_url", "text"]


def test_where_fewer_are_taken_the_newest_are_shown_and_it_is_said(server):
    asked = Place("bigmodel", "/api/paas/v4", "glm-4v-plus-0111").asked(server)
    chat = Session("chat", **asked)
    pictures = [noise(20, 20) + 10 * number for number in range(7)]
    for number in range(0, 6, 3):
        chat.ask("?", attach=pictures[number : number + 3])
    reply = chat.ask("?", attach=pictures[6])
    assert all(map(np.array_equal, seen(server), pictures[2:]))
    assert server.last.json["messages"][0]["content"][0]["text"].startswith(
        "[picture: ndarray, 20×20"
    )
    (notice,) = [n for n in reply.turn.notices if n.code == "not-shown"]
    assert notice.message.startswith("2 pictures and files of earlier turns are not shown")


def test_another_model_that_sees_nothing_goes_on_with_the_names(server):
    chat = Session("chat", **at_zai(server))
    chat.ask("what is it?", attach=noise(40, 50))
    reply = chat.ask("go on", model="glm-4.6")
    message = server.last.json["messages"][0]
    assert message["content"] == "[picture: ndarray, 50×40; not shown here]what is it?"
    assert any(n.code == "not-shown" for n in reply.turn.notices)


def test_asking_again_shows_the_same_once(server):
    chat = Session("chat", **at_zai(server))
    chat.ask("?", attach=noise(40, 50))
    with chat.retry() as stream:
        stream.wait()
    assert all(map(np.array_equal, seen(server), [noise(40, 50)]))
    assert len(chat.slots[0].variants) == 2


def test_a_picture_is_on_disk_once_and_comes_back_with_its_session(server):
    chat = Session("chat", **at_zai(server))
    for prompt in ("one", "two"):
        chat.ask(prompt, attach=noise(40, 50))
    assert rows("SELECT count(*), sum(size) FROM content") == [
        (1, len(chat.turns[0].attachments[0].data))
    ]
    assert rows("SELECT count(*) FROM use") == [(2,)]
    again = reopened(chat)
    before, after = chat.turns[0].attachments[0], again.turns[0].attachments[0]
    assert (after.data, after.thumbnail, after) == (before.data, before.thumbnail, before)
    again.ask("three", **at_zai(server))
    assert len(seen(server)) == 2


def test_the_sessions_file_holds_no_content(server, isolated_home):
    chat = Session("chat", **at_zai(server))
    chat.ask("?", attach=noise(40, 50))
    text = (isolated_home / "glm" / "sessions.db").read_bytes()
    assert base64.b64encode(chat.turns[0].attachments[0].data)[:60] not in text
    assert (
        chat.turns[0].attachments[0].hash.encode()
        in text + (isolated_home / "glm" / "sessions.db-wal").read_bytes()
    )


def test_forgetting_a_session_deletes_its_pictures_and_no_others(server, isolated_home):
    one, two = Session("one", **at_zai(server)), Session("two", **at_zai(server))
    one.ask("?", attach=[noise(40, 50), 255 - noise(30, 30)])
    two.ask("?", attach=noise(40, 50))
    secret = one.turns[0].attachments[1].data[60:120]
    assert repository.forget(one.id)
    assert rows("SELECT hash FROM content") == [(two.turns[0].attachments[0].hash,)]
    file = isolated_home / "glm" / "contents.db"
    assert secret not in file.read_bytes() + file.with_name("contents.db-wal").read_bytes()
    two.undo()
    assert rows("SELECT hash FROM content") == []


def test_a_fork_keeps_what_the_first_forgets(server):
    chat = Session("chat", **at_zai(server))
    chat.ask("?", attach=noise(40, 50))
    chat.fork("other")
    repository.forget(chat.id)
    assert rows("SELECT count(*) FROM content") == [(1,)]


def test_what_takes_too_much_goes_and_its_turn_names_it(server, monkeypatch):
    monkeypatch.setattr(contents, "MOST_BYTES", 20_000)
    chat = Session("chat", **at_zai(server))
    chat.ask("?", attach=noise(60, 70))
    chat.ask("?", attach=noise(62, 70))
    assert rows("SELECT count(*) FROM content") == [(1,)]
    again = reopened(chat)
    assert again.turns[0].attachments[0].data == b""
    reply = again.ask("and?", **at_zai(server))
    assert [image.shape for image in seen(server)] == [(62, 70, 3)]
    assert any(n.code == "not-shown" for n in reply.turn.notices)


def test_nothing_is_kept_where_conversations_are_not(server, isolated_home, monkeypatch):
    monkeypatch.setenv("GLM_STORE", "off")
    Session("chat", **at_zai(server)).ask("?", attach=noise(40, 50))
    assert not (isolated_home / "glm").exists()


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_saved_session_brings_its_pictures(server, folder, on_disk):
    chat = Session("chat", **at_zai(server))
    for _ in range(2):
        chat.ask("?", attach=noise(40, 50))
    chat.save("chat.jsonl")
    assert (folder / "chat.jsonl").read_text(encoding="utf-8").count('"contents"') == 1
    if not on_disk:
        contents_store().erase()
    loaded = Session.load("chat.jsonl", **at_zai(server))
    loaded.ask("and?")
    assert all(map(np.array_equal, seen(server), [noise(40, 50)] * 2))


def test_an_edited_file_brings_no_other_picture_under_a_hash(server, folder):
    chat = Session("chat", **at_zai(server))
    chat.ask("?", attach=noise(40, 50))
    chat.save("chat.jsonl")
    file = folder / "chat.jsonl"
    head, line = file.read_text(encoding="utf-8").splitlines()
    saved = json.loads(line)
    saved["contents"] = {name: ["aGk=", ""] for name in saved["contents"]}
    file.write_text(f"{head}\n{json.dumps(saved)}\n", encoding="utf-8")
    contents_store().erase()
    assert Session.load("chat.jsonl").turns[0].attachments[0].data == b""


def test_a_text_and_a_list_of_messages_name_the_pictures(server, folder):
    chat = Session("chat", **at_zai(server))
    chat.ask("what is it?", attach=noise(40, 50))
    for name in ("chat.md", "chat.json"):
        chat.save(name)
        text = (folder / name).read_text(encoding="utf-8")
        assert "[ndarray]what is it?" in text.replace("\\", "")


def test_messages_with_pictures_are_loaded_whole(server, folder):
    chat = Session("chat", **at_zai(server))
    chat.ask("what is it?", attach=noise(40, 50))
    messages = [
        *server.last.json["messages"],
        {"role": "assistant", "content": "Noise."},
    ]
    (folder / "chat.json").write_text(json.dumps(messages))
    Session.load("chat.json", **at_zai(server)).ask("and?")
    assert np.array_equal(seen(server)[0], noise(40, 50))


def ask(server, picture, **options):
    return glm.ask("what is it?", attach=picture, **at_zai(server, **options))


def test_a_tape_knows_a_picture_by_its_hash(server, folder):
    with glm.record("a.glmtape"):
        ask(server, noise(40, 50))
    text = (folder / "a.glmtape").read_text(encoding="utf-8")
    assert text.startswith("glmtape 1\n")
    assert len(text) < 3000
    assert "sha256," in text
    asked = len(server.requests)
    with glm.replay("a.glmtape"):
        assert ask(server, noise(40, 50)).answer
        with pytest.raises(NotOnTapeError):
            ask(server, 255 - noise(40, 50))
    assert len(server.requests) == asked


def test_a_tape_holds_pictures_where_it_is_told_to(server, folder):
    from glm_magic.engine.options import Options
    from glm_magic.engine.tapes import TapeSetting

    chat = Session("chat", **at_zai(server))
    options = Options(
        tape=TapeSetting(folder / "a.glmtape", "record"),
        with_attachments=True,
    )
    with chat.open("?", chat.resolve(options)) as stream:
        stream.wait()
    assert (folder / "a.glmtape").read_text(encoding="utf-8").startswith("glmtape 1\n")
    picture = glm.Session.of(chat.conversation)
    picture.options = chat.resolve(options)
    picture.ask("what is it?", attach=noise(40, 50))
    tape = Tape.read(folder / "a.glmtape")
    assert (folder / "a.glmtape").read_text(encoding="utf-8").startswith("glmtape 2\n")
    ((name, content),) = tape.entries[-1].contents.items()
    assert base64.b64decode(content) == chat.turns[-1].attachments[0].data
    assert name.endswith(chat.turns[-1].attachments[0].hash)
    with glm.replay("a.glmtape"):
        assert picture.retry


def test_old_turns_with_pictures_leave_a_full_context_first(server):
    """glm-4.5v takes 65,536 tokens, and a picture of 2,048 pixels 5,476 of them."""
    chat = Session("chat", **at_zai(server, "glm-4.5v"))
    large = np.zeros((2048, 2048), np.uint8)
    for number in range(14):
        large[:, number] = 255
        reply = chat.ask("?", attach=large.copy())
    assert reply.status == "complete"
    sent = server.last.json["messages"]
    assert 5 < len(seen(server)) < 12
    assert sum(message["role"] == "user" for message in sent) == len(seen(server))
    assert any(notice.code == "left-out" for notice in reply.turn.notices)
    chat.ask("?", model="glm-4.6")
    assert sum(message["role"] == "user" for message in server.last.json["messages"]) == 15
