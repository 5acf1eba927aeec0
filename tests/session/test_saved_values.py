"""Saving, loading and saving again is the identity, for every field; a bad file changes nothing."""

from __future__ import annotations

import json
import os
import types
from dataclasses import asdict, fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glm_magic as glm
from glm_magic.core.errors import InvalidValueError
from glm_magic.core.i18n import Text, tr
from glm_magic.core.price import Cost
from glm_magic.core.turn import Notice, Step, Turn
from glm_magic.session import export, loading, notebook
from glm_magic.session.codec import LARGEST, LARGEST_FLOAT, MisfitError, decode, encode
from glm_magic.session.slots import Slot, Variant, digest_of
from glm_magic.views.labels import labels_for
from glm_magic.views.saved import timeline
from tests.servers.script import Script, Tokens

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
LEAVES = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-LARGEST - 1, LARGEST),
    float: st.floats(-LARGEST_FLOAT, LARGEST_FLOAT),
    Decimal: st.decimals(-(10**9), 10**9, places=9),
}


def is_saved(field):
    return field.metadata.get("saved", True)


def values_of(kind):
    """Return a strategy for a type; a field that is added to a dataclass is covered at once."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of(st.none(), *(values_of(k) for k in inner if k is not type(None)))
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(values_of(inner[0]), max_size=2).map(tuple)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{f.name: values_of(hints[f.name]) for f in fields(kind)
                                  if is_saved(f)})  # fmt: skip
    return LEAVES[kind]


def reachable(kind, found=None):
    """Return every dataclass that a turn may hold."""
    found = set() if found is None else found
    if is_dataclass(kind) and kind not in found:
        found.add(kind)
        for hint in get_type_hints(kind).values():
            reachable(hint, found)
    for inner in get_args(kind):
        reachable(inner, found)
    return found


def test_what_is_not_saved_is_a_decision_and_no_accident():
    kinds = reachable(Turn)
    assert {kind.__name__ for kind in kinds} >= {
        "Turn",
        "Step",
        "Cost",
        "Usage",
        "Timing",
        "ToolRun",
    }
    unsaved = {f"{k.__name__}.{f.name}" for k in kinds for f in fields(k) if not is_saved(f)}
    content = {"Attachment.data", "Attachment.thumbnail"}  # it is kept once, by its hash
    assert unsaved == {"Step.request", "Step.rhythm"} | content


@given(values_of(Turn))
def test_saved_and_loaded_and_saved_again_every_field_is_the_same(turn):
    text = json.dumps(encode(turn), ensure_ascii=False, allow_nan=False)
    again = decode(Turn, json.loads(text))
    assert asdict(again) == asdict(turn), "field by field: some take no part in =="
    assert json.dumps(encode(again), ensure_ascii=False) == text


@given(st.lists(st.tuples(values_of(Turn), st.booleans(), st.booleans()), max_size=3), TEXT)
def test_a_saved_file_that_is_loaded_and_saved_is_the_same_file(rows, system):
    folder = Path(os.environ["GLM_HOME"])
    folder.mkdir(exist_ok=True)
    slots: list[Slot] = []
    for number, (turn, hidden, pinned) in enumerate(rows):
        if turn.status == "streaming":
            continue
        variant = Variant(turn, digest_of(slots), id=f"run{number}")
        slots.append(Slot(("cell", number), [variant], 0, hidden, pinned))
    export.save(folder / "one.jsonl", "x", slots, system)
    export.save(folder / "two.jsonl", *loading.load(folder / "one.jsonl"))
    assert (folder / "two.jsonl").read_bytes() == (folder / "one.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("value", "saved"),
    [
        (2**63, LARGEST),
        (-(10**40), -LARGEST - 1),
        (float("inf"), LARGEST_FLOAT),
        (float("nan"), 0.0),
        ("a \ud83d b", "a \ufffd b"),
    ],
)
def test_what_has_no_place_in_a_file_becomes_the_nearest_that_has(value, saved):
    encoded = json.loads(json.dumps(encode({"a": [value]}), allow_nan=False))
    assert encoded == {"a": [saved]}


def test_the_share_of_money_is_there_in_a_new_kernel_and_after_loading(
    model_server, another_kernel, tmp_path, monkeypatch
):
    model_server.tell(Script(answer="a", reasoning="b" * 40, tokens=Tokens(100, 40, reasoning=30)))
    address = model_server.url + "/api/gpt/v1"
    session = glm.Session(
        "money", provider="wcode", model="glm-4.5", base_url=address, api_key="test-key"
    )
    session.ask("1?")
    (turn,) = session.turns
    labels = labels_for("en")
    monkeypatch.setattr(timeline, "LEAST_S", 0.0)  # whatever the server took
    shown = timeline.timeline_html(turn, labels, plays=False)
    assert "money" in shown
    export.save(tmp_path / "money.jsonl", "money", session.slots)
    another_kernel()
    (again,) = glm.Session("money").turns
    assert again.steps[0].cost.output == turn.steps[0].cost.output is not None
    assert timeline.timeline_html(again, labels, plays=False) == shown
    _, (slot,), _ = loading.load(tmp_path / "money.jsonl")
    assert timeline.timeline_html(slot.turn, labels, plays=False) == shown


def test_a_template_that_is_not_ours_is_not_obeyed():
    for template, parts in [
        ("{a.__class__}", {"a": "x"}), ("{a:>99999999}", {"a": "x"}), ("x" * 9, ["a"] * 3), (5, {}),
    ]:  # fmt: skip
        data = {"code": "c", "message": "x", "message_text": [template, parts]}
        message = decode(Notice, data).message
        assert message == "x"
        assert not isinstance(message, Text)
    ours = Notice("c", tr("{place} {reason}", place="here", reason=tr("is missing")))
    assert isinstance(decode(Notice, encode(ours)).message, Text)


# ---- files that are wrong ------------------------------------------------------------------------

HEAD = {"format": "glm_magic session", "version": 1, "name": "lesson", "system": None}
STEP = {"reasoning": "", "content": "a", "status": "complete"}
TURN = {"prompt": "p", "provider": "zai", "model": "glm-4.6", "steps": [STEP], "status": "complete"}
LINE = {"key": None, "place": 0, "hidden": False, "pinned": False, "gone": False,
        "variants": [{"id": "r", "basis": "", "turn": TURN}]}  # fmt: skip


def changed(data, path, value):
    """Return JSON with one place of it set; ``...`` takes the place out."""
    data = json.loads(json.dumps(data))
    inner = data
    for name in path[:-1]:
        inner = inner[name]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return data


IN_TURN = ("variants", 0, "turn")
IN_STEP = (*IN_TURN, "steps", 0)
BAD_LINES = [
    (("place",), 1, "place"),
    (("place",), -1, "place"),
    (("place",), "0", "place has to be a whole number"),
    (("place",), True, "place has to be a whole number"),
    (("place",), 10**30, "place is a number out of bounds"),
    (("place",), ..., "place is missing"),
    (("key",), {"a": 1}, "key has to be"),
    (("key",), [["a"]], "key has to be"),
    (("hidden",), "no", "hidden has to be true or false"),
    (("variants",), [], "place"),
    (("variants",), {}, "variants has to be a list"),
    (("variants",), ..., "variants is missing"),
    (("variants", 0), 5, "variants[0] has to be an object"),
    (("variants", 0, "id"), 5, "variants[0].id has to be a text"),
    (("variants", 0, "turn"), [], "variants[0].turn has to be an object"),
    ((*IN_TURN, "prompt"), ..., "turn.prompt is missing"),
    ((*IN_TURN, "prompt"), ["p"], "turn.prompt has to be a text"),
    ((*IN_TURN, "status"), "done", "turn.status has to be one of"),
    ((*IN_TURN, "status"), ["complete"], "turn.status has to be one of"),
    ((*IN_TURN, "steps"), "abc", "turn.steps has to be a list"),
    ((*IN_TURN, "steps"), [None], "turn.steps[0] has to be an object"),
    ((*IN_TURN, "notices"), [{"code": "x"}], "turn.notices[0].message is missing"),
    ((*IN_TURN, "elapsed_s"), "9", "turn.elapsed_s has to be a number"),
    ((*IN_TURN, "elapsed_s"), 1e300, "turn.elapsed_s is a number out of bounds"),
    ((*IN_STEP, "content"), {}, "steps[0].content has to be a text"),
    ((*IN_STEP, "usage"), 5, "steps[0].usage has to be an object"),
    ((*IN_STEP, "usage"), {"input": 1.5}, "steps[0].usage.input has to be a whole number"),
    ((*IN_STEP, "usage"), {"input": 2**63}, "steps[0].usage.input is a number out of bounds"),
    ((*IN_STEP, "cost"), {"amount": "NaN", "currency": "USD"}, "cost.amount is a number out of"),
    ((*IN_STEP, "cost"), {"amount": "1e99999999", "currency": "USD"}, "cost.amount is a number"),
    ((*IN_STEP, "cost"), {"amount": "much", "currency": "USD"}, "cost.amount has to be an amount"),
    ((*IN_STEP, "cost"), {"amount": 5, "currency": "USD"}, "cost.amount has to be a text"),
    ((*IN_STEP, "tool_calls"), [{"id": "x"}], "tool_calls[0].name is missing"),
    ((*IN_STEP, "runs"), [{"call_id": "x", "status": "odd"}], "runs[0].status has to be one of"),
    ((*IN_STEP, "timing"), {"started_at": True}, "timing.started_at has to be a number"),
    ((*IN_STEP, "links"), [{"url": 1}], "links[0].url has to be a text"),
]
BAD_HEADS = [
    (("name",), {"x": 1}, "line 1: name has to be a text"),
    (("name",), ..., "line 1: name is missing"),
    (("system",), 5, "line 1: system has to be a text"),
    (("version",), "1", "line 1: version has to be a whole number"),
    (("version",), 7, "version 7"),
]
DEEP = "[" * 100_000 + "]" * 100_000
WHOLE = json.dumps(HEAD) + "\n"
BAD_FILES = [
    ("x.json", DEEP, "nested too deeply"),
    ("x.json", '{"messages": ' + DEEP + "}", "nested too deeply"),
    ("x.jsonl", WHOLE + DEEP, "nested too deeply"),
    ("x.jsonl", WHOLE + json.dumps(LINE) + "\n{not json\n", "line 3, column 2"),
    ("x.jsonl", WHOLE + "5\n", "line 2: has to be an object"),
    ("x.jsonl", WHOLE + json.dumps(LINE)[:-9], "line 2, column"),
    ("x.jsonl", WHOLE + '{"place": ' + "9" * 5000 + "}", "line 2"),
    ("x.json", '[{"role": "user", "content": "a"},\n {"role": }]', "line 2, column 11"),
    ("x.json", '[{"role": "user", "content": NaN}]', "NaN is not a number"),
    ("x.json", '[{"role": "user", "content": "a"}, {"role": "user"}]', "message 2: not a message"),
    ("x.json", '[{"role": "user", "content": [7]}]', "message 1: int cannot be attached"),
    ("x.json", '[{"role": "assistant", "content": "a", "reasoning_content": {"b": 1}}]',
     "message 1: reasoning has to be a text"),
    ("x.json", '[{"role": "assistant", "content": "a", "tool_calls": 5}]', "message 1"),
    ("x.json", '[{"role": "tool", "content": "a", "tool_call_id": 5}]', "message 1: tool_call_id"),
    ("x.json", '{"messages": "none"}', "not a list"),
    ("x.json", "5", "not a list"),
    ("x.json", "", "line 1, column 1"),
    ("x.jsonl", '{"role": "user", "content": "a"}\n{oops\n', "line 2, column 2"),
    ("x.jsonl", '{"format": "glm_magic session"}\n', "version is missing"),
]  # fmt: skip
CASES = [
    *(("x.jsonl", WHOLE + json.dumps(changed(LINE, p, v)), f"line 2: {says}"
       if says.startswith("variants") else says) for p, v, says in BAD_LINES),
    *(("x.jsonl", json.dumps(changed(HEAD, p, v)) + "\n" + json.dumps(LINE), says)
      for p, v, says in BAD_HEADS),
    *BAD_FILES,
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "says"), CASES)
def test_a_file_that_is_wrong_is_refused_with_its_place(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidValueError) as caught:
        loading.load(tmp_path / name)
    message, hint = caught.value.lines()
    assert says in message
    assert "\n" not in message
    assert name in message
    assert hint


def test_the_line_that_is_changed_here_is_sound_without_the_change(tmp_path):
    (tmp_path / "x.jsonl").write_text(WHOLE + json.dumps(LINE) + "\n\n")
    name, (slot,), system = loading.load(tmp_path / "x.jsonl")
    assert (name, slot.turn.answer, system) == ("lesson", "a", None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.timeout(20)
def test_pipes_devices_and_folders_are_neither_read_nor_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "nothing")
    export.save(tmp_path / "mine.jsonl", "x", [])
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "mine.jsonl")
    for name in ("pipe", "folder", "zero", "dangling"):
        with pytest.raises(InvalidValueError, match="cannot be read"):
            loading.load(tmp_path / f"{name}.jsonl")
    for name in ("pipe", "folder", "zero", "dangling", "link"):
        with pytest.raises(InvalidValueError, match="it was left as it is"):
            export.save(tmp_path / f"{name}.jsonl", "x", [])
    assert loading.load(tmp_path / "link.jsonl")[0] == "x"


def test_a_file_of_another_program_is_never_replaced(tmp_path):
    message = {"role": "user", "content": "mine"}
    others = {
        "training.jsonl": json.dumps({"messages": [message]}) + "\n",
        "lines.jsonl": json.dumps(message) + "\n",
        "chat.json": json.dumps([message]),
        "chat2.json": json.dumps({"messages": [message]}, indent=2) + "\n",
        "notes.md": "# lesson\n",
    }
    for name, text in others.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InvalidValueError, match="it was left as it is"):
            export.save(tmp_path / name, "x", [])
        assert (tmp_path / name).read_text() == text


def test_an_edited_export_does_not_change_the_session_that_it_came_from(
    chat, model_server, another_kernel, tmp_path
):
    model_server.tell(*(Script(answer=word) for word in ("one", "two", "three")))
    session = chat("origin")
    for prompt in ("1?", "2?", "3?"):
        session.ask(prompt)
    path = tmp_path / "edited.jsonl"
    export.save(path, "copy", session.slots)
    path.write_text(path.read_text().replace('"two"', '"edited"'))
    name, slots, _ = loading.load(path)
    copy = glm.Session(name, fresh=True)
    copy.take(slots)
    assert copy.stale() == {copy.slots[2]}, "it was answered from what is edited now"
    another_kernel()
    assert [turn.answer for turn in glm.Session("origin").turns] == ["one", "two", "three"]
    assert [turn.answer for turn in glm.Session("copy").turns] == ["one", "edited", "three"]


def test_two_runs_of_one_id_are_two(tmp_path, another_kernel):
    lines = [LINE, changed(LINE, (*IN_STEP, "content"), "b")]
    (tmp_path / "x.jsonl").write_text(WHOLE + "".join(f"{json.dumps(x)}\n" for x in lines))
    name, slots, _ = loading.load(tmp_path / "x.jsonl")
    glm.Session(name, fresh=True).take(slots)
    another_kernel()
    assert [turn.answer for turn in glm.Session(name).turns] == ["a", "b"]


def test_costs_and_steps_of_a_turn_are_checked_alike_from_the_disk():
    data = encode(Turn("p", "x", "m", (Step(cost=Cost(Decimal(1), "USD")),), "complete"))
    data["steps"][0]["cost"]["amount"] = None
    with pytest.raises(MisfitError, match=r"steps\[0\]\.cost\.amount is missing"):
        decode(Turn, data)
    assert not list(notebook.conversations.values())
