"""The magics in a real ipykernel, driven by messages as a front end sends them."""

import time

import pytest

from tests.servers.script import Failure, Script

pytestmark = pytest.mark.hosts


def prompts(server):
    return [request.json["messages"][-1]["content"] for request in server.requests]


def lengths(server):
    return [len(request.json["messages"]) for request in server.requests]


def test_a_cell_ends_with_one_saved_output(kernel):
    ran = kernel.run("%%glm\nwhy?", cell="a")
    assert len(ran.outputs) == 1
    assert "scattering" in ran.outputs[0]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in ran.outputs[0]


def test_a_line_that_ends_a_cell_is_shown_once(kernel):
    ran = kernel.run("%glm why?", cell="a")
    assert len(ran.outputs) == 1
    assert not [kind for kind, _ in ran.messages if kind == "execute_result"]
    ran = kernel.run("r = %glm why?\nr.answer", cell="b")
    assert len(ran.outputs) == 2
    assert ran.outputs[1]["text/plain"] == "'Because of **scattering**.'"


def test_running_a_cell_again_replaces_its_own_turn(kernel, asks_the_server):
    for cell, prompt in [("a", "one"), ("b", "two"), ("a", "one again"), ("c", "three")]:
        kernel.run(f"%%glm -q\n{prompt}", cell=cell)
    assert lengths(asks_the_server) == [1, 3, 1, 5]
    last = asks_the_server.requests[-1].json["messages"]
    assert [m["content"] for m in last if m["role"] == "user"] == ["one again", "two", "three"]


def test_an_answer_that_was_asked_again_stays_folded_in_the_output(kernel, asks_the_server):
    kernel.run("%%glm\nwhy?", cell="a")
    asks_the_server.tell(Script(answer="For another reason."))
    (output,) = kernel.run("%%glm\nwhy?", cell="a").outputs
    assert "run 2/2" in output["text/plain"]
    assert output["text/html"].index("another") < output["text/html"].index("scattering")
    assert "scattering" not in output["text/plain"]


def test_calls_of_one_cell_are_slots_of_their_own(kernel, asks_the_server):
    loop = "for word in ('x', 'y'):\n    %glm -q {word}"
    kernel.run(loop, cell="a")
    kernel.run(loop, cell="a")
    assert lengths(asks_the_server) == [1, 3, 1, 3]


def test_the_python_session_follows_the_same_rule(kernel, asks_the_server):
    kernel.run("import glm_magic as glm\nchat = glm.Session('chat')")
    for _ in range(2):
        kernel.run("chat.ask('one'); chat.ask('two')", cell="a")
    assert lengths(asks_the_server) == [1, 3, 1, 3]
    assert "2" in kernel.run("len(chat)").text


def test_without_a_cell_id_every_run_appends(kernel, asks_the_server):
    kernel.run("%glm -q one")
    kernel.run("%glm -q one")
    assert lengths(asks_the_server) == [1, 3]


def test_an_error_is_two_or_three_lines_and_stops_what_waits(kernel, asks_the_server):
    asks_the_server.tell(Script(refusal=Failure(401, "1002", "bad token")))
    first = kernel.send("%%glm\nwhy?", "a")
    second = kernel.send("ran = True", "b")
    ran = kernel.collect(first)
    assert ran.reply["status"] == "error"
    assert len(ran.traceback) == 3
    assert ran.outputs == [], "the panel left with the error"
    assert "test-key" not in str(ran.messages) + str(ran.reply)
    assert kernel.collect(second).reply["status"] == "aborted"


def test_a_refusal_is_short_as_well(kernel, asks_the_server):
    ran = kernel.fail("%%glm -m glm-5.3 --compare think=on,off\nwhy?")
    assert len(ran.traceback) == 2
    assert asks_the_server.requests == []


def test_a_newcomers_comparison_of_thinking_is_answered(kernel, asks_the_server):
    ran = kernel.run("%%glm --compare think=on,off\nwhy?")
    assert ran.reply["status"] == "ok"
    thinking = [request.json["thinking"]["type"] for request in asks_the_server.requests]
    assert sorted(thinking) == ["disabled", "enabled"]
    kernel.run("%%glm --no-think\nwhy?")
    assert asks_the_server.last.json["thinking"] == {"type": "disabled"}


def test_the_code_goes_into_the_next_cell(kernel, asks_the_server):
    asks_the_server.tell(Script(answer="```python\nprint(1)\n```"))
    ran = kernel.run("%%glm -f code\nwrite", cell="a")
    assert ran.reply["payload"] == [
        {"source": "set_next_input", "text": "print(1)", "replace": False}
    ]


def test_an_executor_gets_no_widget(kernel):
    ran = kernel.run("%%glm\nwhy?", allow_stdin=False)
    assert [kind for kind, _ in ran.messages if kind.startswith("comm")] == []
    assert len(ran.outputs) == 1


def test_an_interrupt_keeps_what_came_and_leaves_a_healthy_kernel(kernel, asks_the_server):
    asks_the_server.tell(Script(answer="one two three four five", stall_after=4))
    first = kernel.send("%%glm -o r\nwhy?", "a")
    second = kernel.send("1 + 1", "b")
    until = time.monotonic() + 30
    while not asks_the_server.requests and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)  # the first words arrive
    kernel.manager.interrupt_kernel()
    began = time.monotonic()
    ran = kernel.collect(first)
    assert time.monotonic() - began < 5
    assert ran.reply["status"] == "error"
    assert ran.traceback == ["Stopped by a kernel interrupt: cells that were queued did not run."]
    assert len(ran.outputs) == 1
    assert "one" in ran.outputs[0]["text/plain"]
    assert kernel.collect(second).reply["status"] == "aborted"
    assert "interrupted" in kernel.run("_glm.status").text
    asks_the_server.released.set()
    asks_the_server.tell(Script())
    kernel.run("%%glm -q\nand now?", cell="c")
    assert lengths(asks_the_server)[-1] == 3


def test_tab_completes_in_a_cell(kernel):
    def complete(code):
        kernel.client.complete(code, len(code))
        content = kernel.client.get_shell_msg(timeout=30)["content"]
        return [code[: content["cursor_start"]] + match for match in content["matches"]]

    assert complete("%%glm --temp") == ["%%glm --temperature"]
    assert complete("x = 1\nr = %glm usa") == ["x = 1\nr = %glm usage"]
    assert complete("%%glm -m zai/glm-5.1") == ["%%glm -m zai/glm-5.1"]


def test_unloading_gives_the_line_back(kernel):
    kernel.run("%unload_ext glm_magic")
    assert "not found" in kernel.fail("%glm why").text


def test_a_session_follows_the_cells_where_the_extension_is_not_loaded(kernel, asks_the_server):
    kernel.run("%unload_ext glm_magic")
    kernel.run("import sys\nfor name in [n for n in sys.modules if n.startswith('glm_magic')]:\n"
               "    del sys.modules[name]")  # fmt: skip
    kernel.run("import glm_magic as glm\nchat = glm.Session('chat')")
    for cell, question in (("a", "one"), ("b", "two"), ("a", "one again")):
        kernel.run(f"chat.ask({question!r})", cell=cell)
    assert lengths(asks_the_server) == [1, 3, 1]
    assert "2" in kernel.run("len(chat)").text


def test_a_cell_that_asks_something_else_or_nothing_is_what_the_notebook_shows(
    kernel, asks_the_server
):
    kernel.run("for word in ('x', 'y', 'z'):\n    %glm -q {word}", cell="a")
    kernel.run("%glm -q after", cell="b")
    kernel.run("for word in ('x', 'y'):\n    %glm -q {word}", cell="a")
    kernel.run("%glm -q next", cell="c")
    assert users(asks_the_server) == ["x", "y", "after", "next"]
    kernel.run("1 + 1", cell="a")
    kernel.run("%glm -q -S elsewhere after", cell="b")
    kernel.run("%glm -q next", cell="c")
    assert users(asks_the_server) == ["next"]
    assert "cell is gone" in kernel.run("%glm show", cell="d").text
    kernel.run("%glm -q back", cell="b")
    kernel.run("%%glm --dry-run\nx", cell="b")
    kernel.run("%glm -q next", cell="c")
    assert users(asks_the_server) == ["back", "next"]


def test_a_deleted_cell_is_no_longer_sent_and_undeleting_brings_it_back(kernel, asks_the_server):
    for cell in ("a", "b", "c"):
        kernel.run(f"%glm -q {cell}", cell=cell)
    kernel.run("pass", cell="d", deleted=["b"])
    kernel.run("%glm -q next", cell="e")
    assert users(asks_the_server) == ["a", "c", "next"]
    kernel.run("%glm -q b", cell="b")
    assert users(asks_the_server) == ["a", "b"]


def users(server):
    messages = server.requests[-1].json["messages"]
    return [message["content"] for message in messages if message["role"] == "user"]


def test_what_a_comparison_changes_is_told_in_the_outputs_below_it(kernel, asks_the_server):
    mark = "answered before the change above"
    kernel.run("%%glm\nfirst", cell="a")
    kernel.run("%%glm\nsecond", cell="b")
    expected = {}
    for code in ("%%glm --compare temperature=0,1\nfirst", "%glm choose 1 1"):
        ran = kernel.run(code, cell="a")
        expected[code] = [
            mark in content["data"]["text/plain"]
            for kind, content in ran.messages
            if kind == "update_display_data"
        ]
    during, chosen = expected.values()
    assert during[0], "the output below, before the lanes have ended"
    assert chosen == [False]


@pytest.mark.parametrize("elsewhere", ["%glm fork alt", "%glm new alt"])
def test_a_cell_that_is_asked_in_another_session_is_not_lost_in_its_own(
    kernel, asks_the_server, elsewhere
):
    asks_the_server.tell(Script(answer="fine"))
    for cell in "ab":
        kernel.run(f"%%glm -q\n{cell}", cell=cell)
    kernel.run(elsewhere, cell="c")
    kernel.run("%%glm -q\nother", cell="a")
    kernel.run("%glm use default", cell="d")
    assert "cell is gone" not in kernel.run("%glm show", cell="e").text
    kernel.run("%%glm -q\nthen", cell="f")
    sent = asks_the_server.requests[-1].json["messages"]
    assert [m["content"] for m in sent] == ["a", "fine", "b", "fine", "then"]
    kernel.run("%glm use alt", cell="g")
    kernel.run("1 + 1", cell="a")
    kernel.run("%glm use default", cell="h")
    assert "cell is gone" in kernel.run("%glm show", cell="i").text, "it asks nothing any more"
