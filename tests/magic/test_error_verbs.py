"""``%glm fix`` and ``explain`` ask about the last exception; ``alias`` names a model."""

from __future__ import annotations

import pytest

from tests.servers.script import Script


def prompt(sent):
    return sent()[-1]["messages"][-1]["content"]


def test_fix_asks_with_the_cell_and_its_traceback_and_gives_a_new_cell(
    glm_shell, sent, model_server
):
    model_server.tell(Script(answer="A typo.\n```python\nvalue = 1 / 2\n```\n"))
    glm_shell.shell.run_cell("value = 1 / 0  # {sent}", store_history=True)
    glm_shell.run("%glm fix")
    for words in ("```python\nvalue = 1 / 0  # {sent}\n```", "ZeroDivisionError", "corrected cell"):
        assert words in prompt(sent)
    assert glm_shell.next_input == "value = 1 / 2"


def test_explain_asks_about_the_users_own_error_not_ours(glm_shell, sent):
    glm_shell.shell.run_cell("undefined_name", store_history=True)
    glm_shell.fail("%glm -t 77 hello")
    glm_shell.run("%glm explain")
    assert "NameError" in prompt(sent)
    assert "undefined_name" in prompt(sent)
    assert glm_shell.next_input is None


def test_explain_names_the_cell_and_what_failed_since(glm_shell, sent):
    glm_shell.shell.run_cell("undefined_name", store_history=True)
    number = glm_shell.shell.execution_count - 1
    printed = glm_shell.run("%glm explain")
    assert f"about cell [{number}]: NameError: name 'undefined_name' is not defined" in printed
    assert "failed later" not in printed
    glm_shell.fail("%%glm -t 77\nhello")
    later = glm_shell.shell.execution_count - 1
    printed = glm_shell.run("%glm explain")
    assert f"about cell [{number}]" in printed
    assert f"the prompt of cell [{later}] failed later" in printed
    glm_shell.shell.run_cell("1 / 0", store_history=True)
    printed = glm_shell.run("%glm fix")
    assert "ZeroDivisionError: division by zero" in printed
    assert "failed later" not in printed


def test_where_only_a_prompt_failed_nothing_is_asked(glm_shell, sent):
    glm_shell.fail("%%glm -t 77\nhello")
    number = glm_shell.shell.execution_count - 1
    lines = glm_shell.fail("%glm fix")
    assert f"only a prompt has failed: cell [{number}]" in lines[0]
    assert len(lines) == 2
    assert sent() == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(:\n    pass",
        "x = (1,",
        "print 'x'",
        "def g():\n    raise ValueError('no')\ng()",
        "try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError('no') from e",
        "raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])",
        "exec(compile('1 / 0', '/tmp/ipyk' + 'ernel_123/456.py', 'exec'))",
    ],
)
def test_no_file_of_a_cell_is_in_a_prompt(glm_shell, sent, source):
    glm_shell.shell.run_cell(source, store_history=True)
    glm_shell.run("%glm explain")
    text = prompt(sent)
    assert "Cell" in text
    assert "ipykernel" not in text
    assert "ipython-input" not in text


@pytest.mark.parametrize("history", [True, False])
def test_a_cell_outside_of_the_history_can_be_fixed(glm_shell, sent, history):
    shell = glm_shell.shell
    shell.run_cell("value = 1 / 0", store_history=history)
    shell.history_manager.input_hist_raw[:] = [""]
    shell.run_cell("%glm -q -- another", store_history=history)
    result = shell.run_cell("%glm fix", store_history=False)
    assert result.error_in_exec is None
    assert "```python\nvalue = 1 / 0\n```" in prompt(sent)
    assert "ZeroDivisionError" in prompt(sent)


def test_a_long_traceback_keeps_both_ends(glm_shell, sent):
    glm_shell.shell.run_cell("def f(n):\n    raise ValueError('x' * 50_000 + 'the end')\nf(1)",
                          store_history=True)  # fmt: skip
    glm_shell.run("%glm explain")
    assert "characters left out" in prompt(sent)
    assert "the end" in prompt(sent)
    assert len(prompt(sent)) < 20_000


def test_without_an_error_there_is_nothing_to_fix(glm_shell, sent):
    assert len(glm_shell.fail("%glm fix")) == 2
    assert sent() == []
    glm_shell.run("%glm -q fix my poem")  # a prompt
    assert prompt(sent) == "fix my poem"


def test_an_alias_stands_for_a_model_or_a_model_at_a_provider(glm_shell, sent):
    assert "%glm alias NAME MODEL" in glm_shell.run("%glm alias")
    glm_shell.run("%glm alias quick glm-4.5-air")
    glm_shell.run("%glm alias lab vllm/our-model")
    assert "quick  glm-4.5-air" in glm_shell.run("%glm alias")
    glm_shell.run("%glm -q quick hello")
    glm_shell.run("%glm -q -m quick hello")
    glm_shell.run("%glm use quick")
    glm_shell.run("%glm -q hello")
    assert [body["model"] for body in sent()] == ["glm-4.5-air"] * 3
    assert "our-model at vllm" in glm_shell.run("%glm use lab")
    glm_shell.run("%glm dealias quick")
    glm_shell.run("%glm use zai/glm-4.6")
    glm_shell.run("%glm -q quick hello")
    assert sent()[-1]["messages"][-1]["content"] == "quick hello"


def test_an_alias_outlives_the_kernel(glm_shell):
    glm_shell.run("%glm alias quick glm-4.5-air")
    glm_shell.shell.run_line_magic("unload_ext", "glm_magic")
    glm_shell.shell.run_line_magic("load_ext", "glm_magic")
    assert "glm-4.5-air" in glm_shell.run("%glm alias quick")


def test_what_cannot_be_an_alias_is_refused(glm_shell):
    for line in ("alias glm-4.6 glm-4.5", "alias zai glm-4.5", "alias quick nosuch", "alias none"):
        assert len(glm_shell.fail(f"%glm {line}")) == 2, line
