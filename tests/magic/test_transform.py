"""IPython reads a %glm line as a prompt, and every other line as it always did."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from glm_magic.core.errors import InvalidValueError
from glm_magic.magic.line import hooks


class Shell:
    """All that the rules need of a shell."""

    def __init__(self):
        self.input_transformer_manager = TransformerManager()


@pytest.fixture
def rules():
    shell = Shell()
    hooks.install(shell)
    return shell.input_transformer_manager


def line(text):
    return f"get_ipython().run_line_magic('glm', {text!r})"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%glm why?", line("why?") + "; None\n"),
        ("%glm what's up?", line("what's up?") + "; None\n"),
        ("%glm", line("") + "; None\n"),
        ("%glm models", line("models") + "; None\n"),
        ("r = %glm why?", "r = " + line("why?") + "\n"),
        ("r = %glm models", "r = " + line("models") + "\n"),
        ("a, b.c[0] = %glm f(x?", "a, b.c[0] = " + line("f(x?") + "\n"),
        ("a = b = %glm why?", "a = b = " + line("why?") + "\n"),
        ("print(1); r = %glm why?", "print(1); r = " + line("why?") + "\n"),
        ("r: object = %glm why?", "r: object = " + line("why?") + "\n"),
        ("if 1:\n    %glm why?", "if 1:\n    " + line("why?") + "; None\n"),
        ("if 1:\n    r = %glm why?", "if 1:\n    r = " + line("why?") + "\n"),
        ("%glm f(x\n%glm y?", line("f(x") + "; None\n" + line("y?") + "; None\n"),
        ("%glm 'open?\n%glm y?", line("'open?") + "; None\n" + line("y?") + "; None\n"),
        ('%glm what is """?\nz = 1', line('what is """?') + "; None\nz = 1\n"),
        ("%glm a \\\n  b?", line("a    b?") + "; None\n"),
        ("x?\n%glm y?", "get_ipython().run_line_magic('pinfo', 'x')\n" + line("y?") + "; None\n"),
        ("%%glm why?", "get_ipython().run_cell_magic('glm', 'why?', '\\n')\n"),
        ("%%glm -h\n", "get_ipython().run_cell_magic('glm', '-h', '\\n')\n"),
        ("%%glm a\nb?", "get_ipython().run_cell_magic('glm', 'a', 'b?\\n')\n"),
    ],
)
def test_our_lines_are_taken_as_typed(rules, cell, expected):
    assert rules.transform_cell(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "%glm?", "%glm??", "%%glm?", "glm?", "x?", "%time foo?", "%glmx why?", "r = %other why?",
        's = """\n%glm why?\n"""', "x = 5 %glm", "(5\n%glm)", "x = (5\n%glm)", "x == y %glm",
        "%%time\n%glm why?", "%%other why?", "!ls?", "x = 1", "# %glm why?",
    ],
)  # fmt: skip
def test_every_other_line_is_left_to_ipython(rules, cell):
    assert rules.transform_cell(cell) == TransformerManager().transform_cell(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "# a comment\n%%glm\nwhy is it?",
        "\n\n# a comment\n\n%%glm -m glm-4.6 why?",
        "# one\n# two\n%%glm",
        "%load_ext glm_magic\n%%glm\nwhy?",
        "x = 1\n!ls\n%%glm\nit's",
        "'''done'''\n%%glm\nwhy?",
    ],
)
def test_a_cell_whose_magic_is_not_its_first_line_says_so(rules, cell):
    code = rules.transform_cell(cell)
    with pytest.raises(InvalidValueError, match="not the first line") as caught:
        exec(code, {})
    assert len(caught.value.lines()) == 2
    assert rules.check_complete(cell + "\n\n")[0] == "complete"


@pytest.mark.parametrize(
    "cell",
    [
        's = """\n%%glm\nwhy?\n"""', "s = '''# a\n%%glm\n'''", "%%time\n%%glm\nwhy",
        "%%writefile x\n# a\n%%glm", "f(\n%%glm\n)", "# a\n%%glmx\nwhy", "# a\n %%glm",
    ],
)  # fmt: skip
def test_a_magic_that_is_text_is_left_alone(rules, cell):
    assert rules.transform_cell(cell) == TransformerManager().transform_cell(cell)


def test_blank_lines_above_the_magic_change_nothing(rules):
    assert rules.transform_cell("\n  \n%%glm\nwhy?") == rules.transform_cell("%%glm\nwhy?")


def test_a_question_is_complete_when_enter_is_pressed(rules):
    assert rules.check_complete("%glm why (is?")[0] == "complete"
    assert rules.check_complete("%%glm why?")[0] == "incomplete"
    assert rules.check_complete("%%glm why?\n\n")[0] == "complete"


def test_the_rules_come_once_and_go_again():
    shell = Shell()
    manager = shell.input_transformer_manager
    before = (list(manager.token_transformers), list(manager.line_transforms))
    hooks.install(shell)
    hooks.install(shell)
    assert len(manager.token_transformers) == len(before[0]) + 1
    hooks.uninstall(shell)
    hooks.uninstall(shell)
    assert (manager.token_transformers, manager.line_transforms) == before
