"""``--above`` puts the cells that ran before into the prompt."""

from __future__ import annotations

import pytest

from glm_magic.magic import above


def prompt_of(sent):
    return sent()[-1]["messages"][-1]["content"]


def test_source_output_and_error_of_the_cells_are_sent(glm_shell, sent):
    glm_shell.run("x = 6")
    glm_shell.run("print('six', x)\nx * 7")
    glm_shell.fail("x / 0")
    printed = glm_shell.run("%%glm --above\nWhat went wrong?")
    prompt = prompt_of(sent)
    assert prompt.startswith("These cells of the notebook ran before:")
    assert prompt.endswith("\n\nWhat went wrong?")
    for part in ("x = 6", "```python\nprint('six', x)\nx * 7\n```", "42", "ZeroDivisionError"):
        assert part in prompt
    assert "the cells [1], [2], [3]: ≈" in printed
    assert prompt.index("x = 6") < prompt.index("x * 7") < prompt.index("x / 0")


def test_prompts_and_silent_cells_are_left_out(glm_shell, sent):
    glm_shell.run("y = 1")
    glm_shell.run("%glm -q one")
    glm_shell.run("%%glm -q\ntwo")
    glm_shell.run("%%glm -q --above\nthree")
    assert "one" not in prompt_of(sent)
    assert "two" not in prompt_of(sent)
    assert "y = 1" in prompt_of(sent)


def test_the_newest_cells_are_kept_and_the_others_counted(glm_shell, sent):
    for number in range(6):
        glm_shell.run(f"value_{number} = {number!r}  # {'.' * (above.MOST_CHARS // 4)}")
    printed = glm_shell.run("%%glm --above\nwhy?")
    assert "value_5" in prompt_of(sent)
    assert "value_0" not in prompt_of(sent)
    assert "older ones did not fit" in printed


def test_a_long_output_loses_its_middle(glm_shell, sent):
    glm_shell.run("'begin' + 'x' * 50_000 + 'end'")
    glm_shell.run("%%glm -q --above\nwhy?")
    prompt = prompt_of(sent)
    assert len(prompt) < 2_000
    assert "begin" in prompt
    assert "end'" in prompt
    assert "characters left out" in prompt


def test_a_fence_in_a_cell_does_not_end_its_block(glm_shell, sent):
    glm_shell.run("text = '''\n```python\nprint(1)\n```\n'''")
    glm_shell.run("%%glm -q --above\nwhy?")
    assert "````python\ntext = '''\n```python" in prompt_of(sent)


def test_a_key_in_a_cell_is_not_sent(glm_shell, sent):
    glm_shell.run("import os; os.environ['DASHSCOPE_API_KEY'] = 'sk-very-secret-9'")
    glm_shell.run("%%glm -q --above\nwhy?")
    assert "sk-very-secret-9" not in prompt_of(sent)
    assert "<key>" in prompt_of(sent)


def test_an_object_whose_repr_fails_stands_for_itself(glm_shell, sent):
    glm_shell.run("class Odd:\n    def __repr__(self):\n        raise OSError('no')\nOdd()")
    glm_shell.run("%%glm -q --above\nwhy?")
    assert "class Odd" in prompt_of(sent)


def test_where_nothing_ran_the_panel_says_so(glm_shell, sent):
    printed = glm_shell.run("%%glm --above\nwhy?")
    assert prompt_of(sent) == "why?"
    assert "no cell ran above" in printed


@pytest.mark.parametrize("cell_id", ["a", None])
def test_a_cell_that_ran_again_counts_once(glm_shell, sent, cell_id):
    for value in (1, 2):
        glm_shell.shell.run_cell(f"z = {value}", store_history=True, cell_id=cell_id)
    glm_shell.run("%%glm -q --above\nwhy?")
    assert prompt_of(sent).count("z = ") == (1 if cell_id else 2)
    assert "z = 2" in prompt_of(sent)
