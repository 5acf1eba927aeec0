"""Questions that a panel asks: one answer each, and nobody waits for ever."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from glm_magic.views.questions import Question, Questions


def asked(questions: Questions, call: str) -> Future[bool]:
    """Ask in a thread; return its answer, once the question is there."""
    answer: Future[bool] = Future()
    threading.Thread(target=lambda: answer.set_result(questions.ask(call)), daemon=True).start()
    while questions.pending is None and not answer.done():
        pass
    return answer


@pytest.mark.parametrize("allowed", [True, False, None, 1, "yes"])
def test_only_true_is_a_yes(allowed: object) -> None:
    questions = Questions()
    answer = asked(questions, "f(1)")
    assert questions.pending == Question(1, "f(1)")
    questions.answer(1, allowed)
    assert answer.result(10) is (allowed is True)
    assert questions.pending is None


def test_a_second_press_does_not_answer_the_next_question() -> None:
    questions = Questions()
    first = asked(questions, "f(1)")
    questions.answer(1, True)
    assert first.result(10)
    second = asked(questions, "rm()")
    for number in (1, None, "2", 3):
        questions.answer(number, True)
    assert not second.done()
    questions.answer(2, False)
    assert second.result(10) is False


def test_the_end_of_the_turn_is_a_no_also_for_later_questions() -> None:
    questions = Questions()
    answer = asked(questions, "f(1)")
    questions.close()
    assert answer.result(10) is False
    assert asked(questions, "f(2)").result(10) is False
