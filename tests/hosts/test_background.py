"""``--bg`` in a real kernel: the cell ends at once, the reply goes on, one output stays."""

import time

import pytest

from tests.servers.script import Failure, Script

pytestmark = pytest.mark.hosts

SLOW = Script(answer="one two three four five", stall_after=4)
WIDGET = "application/vnd.jupyter.widget-view+json"


def last_output(kernel, timeout_s=20):
    """Return the newest thing that was published as an update of an output."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        message = kernel.client.get_iopub_msg(timeout=timeout_s)
        if message["msg_type"] == "update_display_data":
            return message["content"]
    raise AssertionError("no output was updated")


def test_the_cell_ends_at_once_and_other_cells_run(kernel, asks_the_server):
    asks_the_server.tell(SLOW)
    began = time.monotonic()
    ran = kernel.run("%%glm --bg -o job\ncount", cell="a")
    assert time.monotonic() - began < 10
    (panel,) = ran.outputs
    assert WIDGET in panel
    assert "2" in kernel.run("1 + 1", cell="b").text
    assert "streaming" in kernel.run("job.status", cell="c").text
    asks_the_server.released.set()
    ran = kernel.run("reply = job.result(10)\n_glm is reply or _glm.answer", cell="d")
    assert "one two" in ran.text


def test_one_output_replaces_the_panel_in_its_own_cell(kernel, asks_the_server):
    asks_the_server.tell(Script(answer="Because of **scattering**.", pause_s=0.05))
    request = kernel.send("%%glm --bg\nwhy?", "a")
    first = next(c for kind, c in kernel.collect(request).messages if kind == "display_data")
    last = last_output(kernel)
    assert last["transient"] == first["transient"]
    assert "<strong>scattering</strong>" in last["data"]["text/html"]
    assert WIDGET not in last["data"]
    assert last["metadata"]["glm_magic"]["status"] == "complete"


def test_an_error_lands_in_the_panel_and_in_result(kernel, asks_the_server):
    asks_the_server.tell(Script(refusal=Failure(401, "1002", "bad token")))
    kernel.run("%%glm --bg -o job\nwhy?", cell="a")
    page = last_output(kernel)["data"]["text/html"]
    assert "failed" in page
    assert "\n→ " in page, "what to do is said where the error is"
    ran = kernel.fail("job.result()", cell="b")
    assert ran.reply["ename"] == "AuthenticationError"
    assert len(ran.traceback) == 3
    assert "ran" in kernel.run("'ran'", cell="c").text


def test_jobs_are_listed_and_stopped(kernel, asks_the_server):
    asks_the_server.tell(SLOW)
    for cell in "ab":
        kernel.run(f"%%glm --bg -o job\ncount {cell}", cell=cell)
        kernel.run("import time\nwhile 'one' not in job.answer: time.sleep(0.05)")
    listed = kernel.run("%glm jobs").text
    assert listed.count("running") == 2
    assert "count b" in listed
    assert "Stopped job 2;" in kernel.run("%glm stop 2").text
    assert "interrupted" in kernel.run("job.result().status").text
    assert asks_the_server.requests[1].hung_up.wait(10)
    listed = kernel.run("%glm jobs").text
    assert listed.count("running") == 1
    assert "interrupted" in listed
    assert "Stopped job 1;" in kernel.run("%glm stop").text
    assert "No job is running" in kernel.run("%glm stop").text
    assert "no job 7" in "".join(kernel.fail("%glm stop 7").traceback)


def test_the_turn_takes_its_place_in_the_session_at_once(kernel, asks_the_server):
    asks_the_server.tell(Script(answer="fine", pause_s=0.3))
    kernel.run("%%glm --bg -o job\nfirst", cell="a")
    asks_the_server.tell(Script(answer="fine"))
    kernel.run("%%glm -q\nsecond", cell="b")
    kernel.run("job.result()", cell="c")
    kernel.run("%%glm -q\nthird", cell="d")
    third = asks_the_server.requests[-1].json["messages"]
    assert [m["content"] for m in third] == ["first", "fine", "second", "fine", "third"]


def test_an_interrupt_of_another_cell_leaves_it_running(kernel, asks_the_server):
    asks_the_server.tell(SLOW)
    kernel.run("%%glm --bg -o job\ncount", cell="a")
    waiting = kernel.send("job.result()", "b")
    time.sleep(1)
    kernel.manager.interrupt_kernel()
    assert kernel.collect(waiting).reply["ename"] == "KeyboardInterrupt"
    assert "streaming" in kernel.run("job.status", cell="c").text
    asks_the_server.released.set()
    kernel.run("job.result(10)", cell="d")


def test_waiting_has_an_end(kernel, asks_the_server):
    asks_the_server.tell(SLOW)
    job = "job = %glm --bg count\n"
    ran = kernel.fail(job + "job.result(0.2)", cell="a")
    assert ran.reply["ename"] == "TimeoutError"
    kernel.run("job.stop(); job.result(5).status", cell="b")


def test_code_is_not_put_into_some_other_cell(kernel, asks_the_server):
    ran = kernel.fail("%%glm --bg -f code\nwrite", cell="a")
    assert "--bg cannot put code into a new cell" in ran.traceback[0]
    assert asks_the_server.requests == []
