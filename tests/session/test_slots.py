"""Whatever is run, moved, deleted, undone or forked: context is what the notebook shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from glm_magic.core.turn import Step, Turn
from glm_magic.session.context import context_of
from glm_magic.session.slots import Slot, Slots, Variant, digest_of


def turn(prompt, answer, status="complete"):
    return Turn(prompt, "p", "m", (Step(content=answer),), status)


@dataclass
class Entry:
    """What the reference model knows of one output of the notebook."""

    cell: int
    answers: list = field(default_factory=list)
    """Every run: its text, or None when it failed, and the texts it was answered from."""
    chosen: int = 0
    hidden: bool = False
    pinned: bool = False
    gone: bool = False

    @property
    def sent(self):
        visible = not self.hidden and (self.pinned or not self.gone)
        return visible and self.answers[self.chosen][0] is not None


class Notebook(RuleBasedStateMachine):
    """A notebook whose user does anything, beside a model of plain lists and texts."""

    @initialize()
    def begin(self):
        self.runs = 0
        self.cells = [0]
        self.made = 1
        self.restart()

    def _entry(self, cell):
        return next((e for e in self.model if e.cell == cell), None)

    def _texts(self, entries):
        return [entry.answers[entry.chosen][0] for entry in entries if entry.sent]

    @rule()
    def restart(self):
        self.model, self.slots = [], Slots()
        self.spare_model, self.spare_slots = [], Slots()

    @rule(place=st.integers(0, 9))
    def insert(self, place):
        self.cells.insert(place, self.made)
        self.made += 1

    @precondition(lambda self: self.cells)
    @rule(data=st.data())
    def move(self, data):
        cell = data.draw(st.sampled_from(self.cells))
        self.cells.remove(cell)
        self.cells.insert(data.draw(st.integers(0, 9)), cell)

    @precondition(lambda self: self.cells)
    @rule(data=st.data(), status=st.sampled_from(["complete", "interrupted", "failed"]))
    def run(self, data, status):
        self._run(data.draw(st.sampled_from(self.cells)), status)

    @rule()
    def run_all(self):
        for cell in self.cells:
            self._run(cell, "complete")

    def _run(self, cell, status):
        self.runs += 1
        answer_text = f"answer {self.runs}"
        entry = self._entry(cell)
        expected = self._texts(self.model if entry is None else self._before(entry))

        key = (f"cell {cell}", 1)
        slot = self.slots.find(key)
        before = self.slots.before(slot)
        assert [m.content for m in context_of(before) if m.role == "assistant"] == expected
        variant = Variant(turn("q", answer_text, status), digest_of(before))
        if slot is None:
            slot = Slot(key)
            self.slots.add(slot)
        slot.add(variant)

        if entry is None:
            entry = Entry(cell)
            self.model.append(entry)
        entry.answers.append((None if status == "failed" else answer_text, expected))
        entry.chosen, entry.gone = len(entry.answers) - 1, False

    def _before(self, entry):
        return self.model[: self.model.index(entry)]

    @precondition(lambda self: self.cells)
    @rule(data=st.data())
    def delete(self, data):
        cell = data.draw(st.sampled_from(self.cells))
        self.cells.remove(cell)
        self.slots.orphan_cells([f"cell {cell}"])
        entry = self._entry(cell)
        if entry:
            entry.gone = True

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def edit_away(self, data):
        """The cell runs again and asks nothing."""
        entry = data.draw(st.sampled_from(self.model))
        self.slots.orphan_older(f"cell {entry.cell}", float("inf"))
        entry.gone = True

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def choose(self, data):
        number = data.draw(st.integers(0, len(self.model) - 1))
        place = data.draw(st.integers(0, len(self.model[number].answers) - 1))
        self.model[number].chosen = self.slots[number].place = place

    @precondition(lambda self: self.model)
    @rule(data=st.data(), what=st.sampled_from(["hidden", "pinned"]), value=st.booleans())
    def mark(self, data, what, value):
        number = data.draw(st.integers(0, len(self.model) - 1))
        for marked in (self.model[number], self.slots[number]):
            setattr(marked, what, value)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def drop(self, data):
        number = data.draw(st.integers(0, len(self.model) - 1))
        del self.model[number]
        self.slots.drop(self.slots[number])

    @rule(count=st.integers(1, 3))
    def undo(self, count):
        taken = self.slots.undo(count)
        assert len(taken) == min(count, len(self.model))
        del self.model[len(self.model) - len(taken) :]

    @rule()
    def fork(self):
        """Go on in the copy; the original is what `back` returns to."""
        self.spare_slots, self.slots = self.slots, self.slots.copy()
        self.spare_model = self.model
        self.model = [
            Entry(e.cell, list(e.answers), e.chosen, e.hidden, e.pinned, e.gone) for e in self.model
        ]

    @rule()
    def back(self):
        self.slots, self.spare_slots = self.spare_slots, self.slots
        self.model, self.spare_model = self.spare_model, self.model

    @invariant()
    def the_next_prompt_is_sent_what_is_shown(self):
        if hasattr(self, "model"):
            sent = [m.content for m in context_of(self.slots) if m.role == "assistant"]
            assert sent == self._texts(self.model)

    @invariant()
    def exactly_the_turns_answered_from_something_else_are_marked(self):
        if not hasattr(self, "model"):
            return
        for entry, slot in zip(self.model, self.slots, strict=True):
            was, now = entry.answers[entry.chosen][1], self._texts(self._before(entry))
            assert (slot in self.slots.stale()) == (was != now)

    @invariant()
    def nothing_that_was_said_is_lost(self):
        if hasattr(self, "model"):
            kept = [[t.status != "failed" and t.answer for t in slot.turns] for slot in self.slots]
            assert kept == [[text or False for text, _ in e.answers] for e in self.model]


TestNotebook = Notebook.TestCase
TestNotebook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_turn_without_an_answer_is_shown_but_not_sent():
    for status, answer, sent in [
        ("complete", "yes", True),
        ("incomplete", "half", True),
        ("interrupted", "half", True),
        ("interrupted", "", False),
        ("interrupted", "  \n", False),
        ("failed", "taken back", False),
        ("streaming", "on its way", False),
    ]:
        slot = Slot(variants=[Variant(turn("q", answer, status))])
        assert slot.is_sent is sent, (status, answer)


def test_only_the_cell_that_ran_loses_what_it_asked_before():
    slots = Slots()
    for key in [("a", 1), ("a", 2), ("b", 1), "something else", None]:
        slot = Slot(key)
        slot.add(Variant(turn("q", "x")))
        slots.add(slot)
    second = slots[1]
    since = second.ran_at_s + 1
    slots[0].ran_at_s = since
    assert slots.orphan_older("a", since) == [second]
    assert [slot.orphaned for slot in slots] == [False, True, False, False, False]
    second.add(Variant(turn("q", "again")))
    assert not second.orphaned


def test_a_run_that_seems_ended_between_two_requests_is_not_remembered_as_nothing() -> None:
    class Hurried:
        """A stream whose thinking was cut short, before the model is asked again."""

        done = False
        turn = turn("q", "", "interrupted")

    variant = Variant(Hurried())  # type: ignore[arg-type]
    assert variant.messages == ()
    Hurried.done, Hurried.turn = True, turn("q", "here it is", "complete")
    assert [message.content for message in variant.messages] == ["q", "here it is"]
