"""Names, signatures and fields of the Python interface, as ``api.json`` has them.

That file is edited by hand, and only for a change that users are told of. It leaves out what the
annotations say (they name classes of the inside), and allows for names that are new.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

import pytest

import glm_magic as glm
from tests.frozen import lesson
from tests.frozen.snapshots import read

API = read("api.json")


def default_of(value: Any) -> str:
    if value is inspect.Parameter.empty or value is dataclasses.MISSING:
        return "needed"
    return repr(value) if isinstance(value, str | int | float | tuple | None) else "…"


def signature_of(call: Any) -> list[list[str]]:
    """Return name, kind and default of each parameter; the names after ``*`` are free."""
    stars = {inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.VAR_POSITIONAL: "*"}
    return [
        [stars.get(p.kind, p.name), p.kind.name.lower(), default_of(p.default)]
        for p in inspect.signature(call).parameters.values()
    ]


def member_of(owner: type, name: str) -> Any:
    """Return how a member is used: as an attribute, or with which arguments."""
    value = inspect.getattr_static(owner, name)
    if isinstance(value, property) or not callable(value):
        return "attribute"
    return [["async"] if inspect.iscoroutinefunction(value) else [], signature_of(value)[1:]]


def fields_of(kind: type) -> list[list[str]]:
    """Return name, type and default of each field."""
    return [
        [
            field.name,
            re.sub(r"\b\w+\.", "", str(field.type)),
            "made"
            if field.default_factory is not dataclasses.MISSING
            else default_of(field.default),
        ]
        for field in dataclasses.fields(kind)
    ]


def errors_of(kind: type = glm.GlmError) -> dict[str, list[str]]:
    """Return the tree of errors: the names of each one's ancestors, up to `GlmError`."""
    tree = {kind.__name__: [k.__name__ for k in kind.__mro__[1:] if issubclass(k, glm.GlmError)]}
    for below in kind.__subclasses__():
        if below.__module__.startswith("glm_magic"):
            tree.update(errors_of(below))
    return dict(sorted(tree.items()))


def test_the_public_names_and_their_order():
    assert list(glm.__all__) == API["all"]
    assert set(glm.__all__) <= set(dir(glm))


@pytest.mark.parametrize("name", API["functions"])
def test_a_function_takes_what_it_took(name):
    frozen = API["functions"][name]
    call = getattr(glm, name)
    assert signature_of(call) == frozen["parameters"]
    assert inspect.iscoroutinefunction(call) == frozen["async"]


@pytest.mark.parametrize("name", API["members"])
def test_a_class_has_the_members_that_it_had(name):
    kind = getattr(glm, name)
    actual = {member: member_of(kind, member) for member in API["members"][name]}
    assert actual == API["members"][name]


def test_a_session_is_made_as_it_was():
    assert signature_of(glm.Session) == API["session"]
    session = glm.Session("x", model="glm-4.6")
    assert session.name == "x"
    assert repr(session) == "<Session 'x': 0 turns, cost nothing yet>"
    assert len(session) == 0


@pytest.mark.parametrize("name", API["fields"])
def test_a_value_has_the_fields_that_it_had(name):
    kind = getattr(glm, name)
    actual = {field[0]: field for field in fields_of(kind)}
    assert [actual.get(field[0]) for field in API["fields"][name]] == API["fields"][name]
    assert [n for n in actual if n in [f[0] for f in API["fields"][name]]] == [
        field[0] for field in API["fields"][name]
    ], "the order, since they may be given by place"
    assert kind.__dataclass_params__.frozen


def test_the_tree_of_errors_is_the_same():
    with pytest.raises(glm.GlmError):
        glm.ask("")  # by now every error is defined
    assert errors_of() == API["errors"]


def test_errors_have_the_attributes_that_they_had():
    assert signature_of(glm.GlmError) == API["error"]
    error = glm.GlmError("What.", hint="Do.", provider="zai", status=401, code="1000",
                         request_id="r", retryable=True)  # fmt: skip
    assert (error.message, error.hint, str(error)) == ("What.", "Do.", "What. → Do.")
    assert (error.provider, error.status, error.code) == ("zai", 401, "1000")
    assert (error.request_id, error.retryable, error.turn) == ("r", True, None)
    assert error.details == "zai · HTTP 401 · code 1000 · request r"
    assert error.lines() == [
        "GlmError: What.", "→ Do.", "  (zai · HTTP 401 · code 1000 · request r)"]  # fmt: skip
    assert glm.GlmError.full_traceback is False


@pytest.fixture
def replies(work):
    with glm.replay(work / "lesson.glmtape", speed=float("inf")):
        yield {name: lesson.ask(name) for name in ("thinking", "tools", "search")}


def parts_of(replies: dict[str, glm.Reply]) -> dict[str, Any]:
    """Return a value of each kind that hangs on a reply without being a public name."""
    tools = replies["tools"]
    events = {type(timed.event).__name__: timed.event
              for reply in replies.values() for timed in reply.events}  # fmt: skip
    own = {name: event for name, event in events.items() if name not in glm.__all__}
    return {
        "Step": tools.steps[0],
        "Timing": tools.timing,
        "ToolCall": tools.steps[0].tool_calls[0],
        "ToolRun": tools.steps[0].runs[0],
        "WebLink": replies["search"].links[0],
        "Cost": tools.cost,
        "TimedEvent": tools.events[0],
        **own,
    }


def test_what_hangs_on_a_reply_has_the_fields_that_it_had(replies):
    parts = parts_of(replies)
    assert set(API["parts"]) == set(parts)
    for name, frozen in API["parts"].items():
        fields = {field[0]: field for field in fields_of(type(parts[name]))}
        assert [fields.get(field[0]) for field in frozen] == frozen, name


def test_a_reply_has_the_attributes_that_it_had(replies, work):
    for reply in replies.values():
        assert all(hasattr(reply, name) for name in API["reply"])
        assert str(reply) == reply.answer
    assert repr(replies["search"]) == ("<Reply complete from glm-4.6 at bigmodel: 'A comet.'>")


def test_a_comparison_has_the_attributes_that_it_had(work):
    with glm.replay(work / "notebook.glmtape", speed=float("inf")):
        compared = glm.compare("A bat and a ball?", "think=on,off", provider="zai", model="glm-4.6")
    assert isinstance(compared, glm.Reply)
    assert all(hasattr(compared, name) for name in [*API["reply"], "labels", "chosen"])
    assert compared.labels == ("think=on", "think=off")
    assert [lane.reasoning for lane in compared.lanes] == ["Hm.", ""]
    assert compared.chosen == 0
    compared.choose("think=off")
    assert (compared.chosen, compared.reasoning) == (1, "")
    assert repr(compared) == "<Comparison of think=on, think=off>"


def test_a_tape_is_taken_out_again(work):
    running = glm.replay(work / "lesson.glmtape")
    assert repr(running) == "<tape lesson.glmtape: replay>"
    running.stop()
    with glm.record(work / "new.glmtape") as running:
        assert repr(running) == "<tape new.glmtape: record>"


def test_a_turn_in_the_background_is_used_as_it_was(shell, work):
    shell.run("%glm replay lesson.glmtape max")
    shell.run("%%glm --bg --no-history -p bigmodel -m glm-4.5-flash\n" + lesson.MATHS)
    running = shell["_glm"]
    assert all(hasattr(running, name) for name in API["background"])
    assert running.result().reasoning == "Power rule."
    assert (running.status, running.done) == ("complete", True)
    shell.run("%glm replay off")
