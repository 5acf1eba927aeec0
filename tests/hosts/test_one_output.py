"""One reply has one output, whatever the cell does with its value; a later cell shows it again."""

import pytest

from tests.servers.script import Script

pytestmark = pytest.mark.hosts

ASKS = "ask = lambda: get_ipython().run_line_magic('glm', 'why')"


CODES = [
    "%glm why",
    "%%glm\nwhy",
    "%%time\n%glm why",
    "%time %glm why",
    "r = %glm why",
    "r = %glm why\nr",
    "r = %glm why\n_glm",
    "%glm why\nr = _glm;",
    f"{ASKS}\nask()",
    f"{ASKS}\n_ = ask(); ask_again = _\n_",
    "get_ipython().run_line_magic('glm', 'why')",
    "get_ipython().run_cell_magic('glm', '', 'why')",
    "for word in ['why']:\n    %glm {word}",
    "def ask():\n    %glm why\n    return _glm\nask()",
    "%%glm --compare temperature=0,1\nwhy",
    "get_ipython().run_line_magic('glm', '--compare temperature=0,1 -- why')",
]


@pytest.mark.parametrize("cell", [None, "a"], ids=["from a program", "from a page"])
def test_a_reply_is_shown_once(kernel, cell):
    for code in CODES:
        ran = kernel.run(code, cell=cell)
        assert len(ran.outputs) == 1, code
        assert "scattering" in ran.outputs[0]["text/plain"], code


def test_every_round_of_a_loop_has_its_output(kernel):
    ran = kernel.run("for n in range(3):\n    r = %glm why {n}\nr", cell="a")
    assert len(ran.outputs) == 3


def test_what_was_captured_is_shown_as_one_output(kernel):
    for code in ("%glm why", "%%glm\nwhy", "print('first')\nr = %glm why", "%time r = %glm why"):
        kernel.run(f"%%capture cap\n{code}", cell="a")
        ran = kernel.run("cap.show()", cell="b")
        assert len(ran.outputs) == 1, code
        assert set(ran.outputs[0]) == {"text/html", "text/markdown", "text/plain"}
        assert not [kind for kind, _ in ran.messages if kind.startswith("comm")]


def test_who_wants_to_see_it_again_does(kernel):
    kernel.run("r = %glm why", cell="a")
    for code in ("r", "_glm", "display(r)"):
        (output,) = kernel.run(code, cell="b").outputs
        assert set(output) == {"text/html", "text/markdown", "text/plain"}
    assert len(kernel.run("r = %glm why\ndisplay(r)", cell="c").outputs) == 2
    (quiet,) = kernel.run("r = %glm -q why\nr", cell="d").outputs
    assert "scattering" in quiet["text/plain"]
    (asked,) = kernel.run("import glm_magic\nglm_magic.ask('why')", cell="e").outputs
    assert "scattering" in asked["text/plain"]


def test_without_the_extension_a_value_is_shown_as_ever(kernel):
    kernel.run("r = %glm why", cell="a")
    kernel.run("%unload_ext glm_magic")
    assert len(kernel.run("r", cell="a").outputs) == 1


def test_a_job_is_no_second_output(kernel, asks_the_server):
    asks_the_server.tell(Script(answer="one two three", pause_s=0.05))
    ran = kernel.run("%time %glm --bg why", cell="a")
    assert len(ran.outputs) == 1
    assert "Background" not in ran.text
    kernel.run("_glm.result()", cell="b")


def test_an_interrupt_says_in_one_line_what_became_of_the_others(kernel, asks_the_server):
    asks_the_server.tell(Script(answer="one two three four five", stall_after=4))
    for language, line in (("en", "Stopped by a kernel interrupt"), ("zh", "由内核中断停止")):
        kernel.run(f"%config GLM.language = {language!r}")
        asks_the_server.sent = 0
        request = kernel.send("%%glm\nwhy?", "a")
        asks_the_server.wait_sent(4)
        kernel.manager.interrupt_kernel()
        ran = kernel.collect(request)
        (error,) = [content for kind, content in ran.messages if kind == "error"]
        (shown,) = error["traceback"]
        assert shown.startswith(line)
        assert error["evalue"].startswith("Stopped by a kernel interrupt")
        assert shown not in ran.text, "it is said once"
