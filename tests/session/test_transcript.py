"""A session goes through a file unchanged, and other programs' messages come in."""

from __future__ import annotations

import json

import pytest

from glm_magic.core.errors import InvalidValueError
from glm_magic.core.turn import Step, Turn
from glm_magic.session import export, loading
from glm_magic.session.context import context_of
from glm_magic.session.slots import Slot, Slots, Variant, digest_of
from tests.servers.script import Script

ODD = '线 \u2028 \x85 "quotes" ```python\nx = 1\n``` 🙂\r\n'


@pytest.fixture
def asked(chat, model_server):
    model_server.tell(*(Script(answer=f"{word} {ODD}", reasoning="why") for word in "ABCD"))
    session = chat("lesson", system="be brief")
    for prompt in ("one", "two"):
        session.ask(f"{prompt} {ODD}")
    session.retry().wait()
    session.ask("three")
    session.hide(session.slots[0])
    return session


def state(slots):
    return [
        (
            s.key,
            s.place,
            s.hidden,
            s.pinned,
            s.orphaned,
            [(v.id, v.context_digest, v.turn) for v in s.variants],
        )
        for s in slots
    ]


def test_json_lines_hold_everything(asked, tmp_path):
    path = tmp_path / "lesson.jsonl"
    export.save(path, asked.name, asked.slots, "be brief")
    name, slots, system = loading.load(path)
    assert (name, system) == ("lesson", "be brief")
    assert state(slots) == state(asked.slots)
    again = tmp_path / "again.jsonl"
    export.save(again, name, slots, system)
    assert again.read_bytes() == path.read_bytes()
    assert len(path.read_text(encoding="utf-8").split("\n")) == 5


def test_messages_are_what_would_be_sent_and_come_in_again(asked, tmp_path):
    path = tmp_path / "lesson.json"
    export.save(path, asked.name, asked.slots, "be brief")
    messages = json.loads(path.read_text(encoding="utf-8"))
    sent = [{"role": m.role, "content": m.content} for m in asked.context()]
    assert messages == [{"role": "system", "content": "be brief"}, *sent]
    name, slots, system = loading.load(path)
    assert (name, system) == ("lesson", "be brief")
    assert [(m.role, m.content) for m in context_of(slots)] == [
        (m["role"], m["content"]) for m in sent
    ]
    made = Slots(slots)
    assert not made.stale()


def test_lists_of_other_programs_come_in(tmp_path):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "7"},
        {"role": "assistant", "content": "seven", "reasoning_content": "hm"},
        {"role": "user", "content": "unanswered"},
    ]
    forms = {
        "list.json": json.dumps(messages),
        "object.json": json.dumps({"messages": messages}, indent=2),
        "training.jsonl": json.dumps({"messages": messages}) + "\n",
        "lines.jsonl": "".join(json.dumps(message) + "\n" for message in messages),
    }
    for file, text in forms.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
        _, slots, system = loading.load(tmp_path / file)
        assert system == "s"
        turns = [slot.turn for slot in slots]
        assert [(t.prompt, t.answer, t.reasoning) for t in turns] == [
            ("a\n\nb", "seven", "hm"), ("unanswered", "", ""),
        ]  # fmt: skip
        assert [slot.is_sent for slot in slots] == [True, False]


def test_markdown_is_for_reading(asked, tmp_path):
    path = tmp_path / "lesson.md"
    export.save(path, asked.name, asked.slots)
    text = path.read_text(encoding="utf-8")
    for words in (
        "# lesson",
        "> two",
        "<details><summary>Reasoning",
        "C 线",
        "glm-4.6 at bigmodel",
    ):
        assert words in text


def test_saving_again_replaces_only_what_was_saved(asked, tmp_path):
    for ending in (".jsonl", ".json", ".md"):
        path = tmp_path / f"mine{ending}"
        export.save(path, "x", asked.slots)
        before = path.read_bytes()
        export.save(path, "x", asked.slots[:1])
        assert path.read_bytes() != before
        path.write_text("my thesis\n")
        with pytest.raises(InvalidValueError, match="it was left as it is"):
            export.save(path, "x", asked.slots)
        assert path.read_text() == "my thesis\n"
    assert len(list(tmp_path.glob("*"))) == 4  # the three, and the test's home


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.json", "{not json", "holds neither"),
        ("x.json", "[]", "an empty list"),
        ("x.json", '[{"role": "king", "content": "a"}]', "not a message"),
        ("x.json", '{"a": 1}', "holds neither"),
        ("x.jsonl", '{"format": "glm_magic session", "version": 9, "name": "x"}\n', "version 9"),
        ("x.jsonl", '{"format": "glm_magic session", "version": 1, "name": "x"}\n{}\n', "line 2"),
    ],
)
def test_what_is_no_session_is_refused_in_two_lines(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidValueError, match=says) as caught:
        loading.load(tmp_path / name)
    assert caught.value.hint


def test_files_that_are_not_there_or_cannot_be_written_are_two_lines(tmp_path):
    slots = [Slot(variants=[Variant(Turn("q", "p", "m", (Step(content="a"),), "complete"))])]
    with pytest.raises(InvalidValueError, match="No such file"):
        loading.load(tmp_path / "none.json")
    with pytest.raises(InvalidValueError, match="cannot be written"):
        export.save(tmp_path / "no" / "folder.json", "x", slots)
    with pytest.raises(InvalidValueError, match=r"cannot be saved as \.txt"):
        export.save(tmp_path / "x.txt", "x", slots)


def test_a_turn_still_running_is_saved_as_interrupted(tmp_path):
    turn = Turn("q", "p", "m", (Step(content="half", status="streaming"),), "streaming")
    export.save(tmp_path / "x.jsonl", "x", [Slot(variants=[Variant(turn, digest_of([]))])])
    _, (slot,), _ = loading.load(tmp_path / "x.jsonl")
    assert slot.turn.status == slot.turn.steps[0].status == "interrupted"
