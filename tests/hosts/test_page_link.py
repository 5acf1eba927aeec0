"""What a kernel tells a page with the front end, and that it tells nobody else."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.hosts

COMM = "glm_magic"
TIMEOUT_S = 30


def say(kernel, **data):
    """Send a message as a page does."""
    content = {"comm_id": COMM, "data": {"version": 1, **data}}
    kernel.client.shell_channel.send(kernel.client.session.msg("comm_msg", content))


def hear(kernel, key):
    """Return the next message in which something is."""
    while True:
        message = kernel.client.get_iopub_msg(timeout=TIMEOUT_S)
        data = message["content"].get("data")
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == COMM:
            state = data.get("state", data)
            if key in state:
                return state[key]


def everything(kernel, code):
    """Run a cell; return the kinds of all that the kernel published meanwhile."""
    request, kinds = kernel.send(code), []
    while True:
        message = kernel.client.get_iopub_msg(timeout=TIMEOUT_S)
        kinds.append(message["msg_type"])
        is_ours = message["parent_header"].get("msg_id") == request
        if is_ours and message["content"].get("execution_state") == "idle":
            return kinds


def test_nobody_is_told_before_a_page_of_this_version_greets(kernel):
    kernel.run("%%glm\nhi", cell="a")
    say(kernel, version=2, type="hello")
    say(kernel, version=None, type="do", verb="drop", turn=None, words=["1"])
    assert not {"comm_open", "comm_msg"} & set(everything(kernel, "x = 1"))
    say(kernel, type="hello")
    assert hear(kernel, "turns") == 1


def test_a_page_gets_all_at_first_and_then_what_changed(kernel):
    say(kernel, type="hello")
    assert {"options", "verbs", "models"} == set(hear(kernel, "words"))
    kernel.send("numbers = [1, 2, 3]")
    assert hear(kernel, "names")["numbers"] == "list 3"
    kernel.send("%%glm\nhi there", cell="a")
    rows = {}
    while not rows:
        rows = hear(kernel, "rows")
    (row,) = rows.values()
    assert row["cell"] == "a"
    assert row["prompt"] == "hi there"


def test_a_page_that_closes_its_end_may_greet_again(kernel):
    say(kernel, type="hello")
    hear(kernel, "words")
    session = kernel.client.session
    kernel.client.shell_channel.send(session.msg("comm_close", {"comm_id": COMM, "data": {}}))
    say(kernel, type="hello")
    assert hear(kernel, "words")


def test_a_shape_is_asked_of_known_libraries_alone(kernel):
    code = """
import numpy
class Trap:
    shape = property(lambda self: 1 / 0)
    __len__ = lambda self: 1 / 0
class List(list):
    __len__ = lambda self: 1 / 0
trap, sub, grid = Trap(), List(), numpy.ones((2, 3))"""
    kernel.run(code)
    say(kernel, type="hello")
    names = hear(kernel, "names")
    assert (names["trap"], names["sub"], names["grid"]) == ("Trap", "List", "ndarray 2 × 3")


def test_a_namespace_with_too_many_names_is_not_sent(kernel):
    kernel.run("globals().update({f'name_{i}': i for i in range(3000)})")
    say(kernel, type="hello")
    assert hear(kernel, "names") is None


def test_a_verb_is_refused_in_words(kernel):
    say(kernel, type="hello")
    hear(kernel, "words")
    say(kernel, type="do", verb="drop", turn="nobody", words=[])
    assert hear(kernel, "text") == "this turn is no longer there"
    say(kernel, type="do", verb="forget", turn=None, words=["all"])
    assert hear(kernel, "text") == "%glm forget all is not understood"
