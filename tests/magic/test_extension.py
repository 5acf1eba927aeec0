"""Loading gives a shell the magics, unloading takes every trace away but the user's names."""

import sys

import pytest

import glm_magic
from glm_magic.core import i18n
from glm_magic.core.errors import GlmError, UnavailableError
from glm_magic.engine import tapes
from glm_magic.session import notebook


def state(shell):
    manager = shell.magics_manager
    rules = shell.input_transformer_manager
    return (
        dict(manager.magics["line"]),
        dict(manager.magics["cell"]),
        dict(manager.registry),
        list(shell.configurables),
        list(shell.Completer.custom_matchers),
        list(rules.token_transformers),
        list(rules.line_transforms),
        list(rules.cleanup_transforms),
        {name: list(registered) for name, registered in shell.events.callbacks.items()},
        notebook.hooks(),
        GlmError.full_traceback,
        i18n.chosen,
        tapes._player._default_speed,
    )


def test_unloading_restores_the_shell(bare_shell):
    bare_shell.run_cell("%config")  # loads IPython's own lazy magics
    before = state(bare_shell)
    names = set(bare_shell.user_ns)
    bare_shell.run_line_magic("load_ext", "glm_magic")
    assert state(bare_shell) != before
    assert set(bare_shell.user_ns) == names
    bare_shell.run_cell("%config GLM.full_traceback = True")
    bare_shell.run_cell("%config GLM.language = 'zh'")
    bare_shell.run_line_magic("unload_ext", "glm_magic")
    assert state(bare_shell) == before


def test_loading_twice_is_loading_once(bare_shell):
    bare_shell.run_line_magic("load_ext", "glm_magic")
    loaded = state(bare_shell)
    bare_shell.extension_manager.loaded.discard("glm_magic")
    bare_shell.run_line_magic("load_ext", "glm_magic")
    assert state(bare_shell) == loaded
    bare_shell.run_line_magic("unload_ext", "glm_magic")


def test_reloading_starts_anew(bare_shell, capsys):
    bare_shell.run_line_magic("load_ext", "glm_magic")
    bare_shell.run_line_magic("reload_ext", "glm_magic")
    bare_shell.run_cell("%glm version")
    assert capsys.readouterr().out.count("glm_magic") == 1
    bare_shell.run_line_magic("unload_ext", "glm_magic")


def test_a_magic_of_the_same_name_comes_back(bare_shell):
    def glm(line, cell=None):
        return "mine"

    bare_shell.register_magic_function(glm, "line_cell")
    bare_shell.run_line_magic("load_ext", "glm_magic")
    assert bare_shell.run_line_magic("glm", "version") is None
    bare_shell.run_line_magic("unload_ext", "glm_magic")
    assert bare_shell.run_line_magic("glm", "x") == "mine"
    assert bare_shell.run_cell_magic("glm", "x", "y") == "mine"


def test_the_users_names_stay(glm_shell):
    glm_shell.run("%glm -q -o kept hello")
    glm_shell.shell.run_line_magic("unload_ext", "glm_magic")
    assert glm_shell["kept"].answer == glm_shell["_glm"].answer == "Because."
    glm_shell.shell.run_line_magic("load_ext", "glm_magic")


def test_looking_a_name_up_registers_nothing(bare_shell):
    before = state(bare_shell)
    for name in glm_magic._EXPORTS:
        vars(glm_magic).pop(name, None)  # as if nobody had looked it up yet
        assert hasattr(glm_magic, name)
    assert state(bare_shell) == before


def test_a_session_follows_the_cells_where_the_extension_is_not_loaded(bare_shell):
    bare_shell.run_cell("%config")  # loads IPython's own lazy magics
    glm_magic.Session()
    hooks = notebook.hooks()
    bare_shell.get_parent = lambda: {"metadata": {"cellId": "c1"}, "header": {"msg_id": "m1"}}
    assert [hooks.cell_key(), hooks.cell_key()] == [("c1", 1), ("c1", 2)]
    followed = state(bare_shell)
    glm_magic.Session()
    assert state(bare_shell) == followed, "the second one finds the hooks of the first"
    bare_shell.run_line_magic("load_ext", "glm_magic")
    assert notebook.hooks() is not hooks
    bare_shell.run_line_magic("unload_ext", "glm_magic")
    assert state(bare_shell) == followed


@pytest.mark.parametrize(
    ("locale", "words"),
    [("en_US.UTF-8", "does not run in the browser"), ("zh_CN.UTF-8", "不能在浏览器里运行")],
)
def test_in_the_browser_two_lines_say_that_it_does_not_run(
    bare_shell, capsys, monkeypatch, locale, words
):
    with monkeypatch.context() as browser:
        browser.setenv("LC_ALL", locale)
        browser.setattr(sys, "platform", "emscripten")
        result = bare_shell.run_cell("%load_ext glm_magic")
    assert isinstance(result.error_in_exec, UnavailableError)
    lines = capsys.readouterr().out.strip().splitlines()
    assert words in lines[0]
    assert lines[1].startswith("→ ")
    assert len(lines) == 2
    assert bare_shell.find_line_magic("glm") is None
