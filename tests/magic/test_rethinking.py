"""What a panel's pencil asks of the kernel: the sentences of a run, and to think again from one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from glm_magic.core.errors import InvalidValueError
from glm_magic.magic import prompt
from glm_magic.magic.rethinking import Rethinking
from glm_magic.session.slots import Variant
from glm_magic.views import options as view_options
from glm_magic.views.variants import stamp
from tests.servers.model_server import ModelServer
from tests.servers.script import Script

THOUGHT = "51 looks prime. It is odd."


@pytest.fixture
def server():
    with ModelServer("llamacpp") as server:
        server.tell(Script(reasoning=THOUGHT, answer="Yes."))
        yield server


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give the options with which replies are shown."""
    shown: list[Any] = []
    real = prompt.view_for

    def view_for(shell: Any, options: view_options.ViewOptions) -> Any:
        shown.append(options)
        return real(shell, replace(options, thoughts=None))

    monkeypatch.setattr(prompt, "view_for", view_for)
    return shown


@pytest.fixture
def shell(cells, server, monkeypatch):
    """Give a shell that asks a llama.cpp server."""
    monkeypatch.setenv("GLM_PROVIDER", "llamacpp")
    monkeypatch.setenv("GLM_BASE_URL", f"{server.url}/v1")
    return cells


def test_a_run_has_its_sentences_and_no_other_run_has(shell, seen):
    shell.run("%%glm\nIs 51 prime?")
    thoughts = seen[0].thoughts
    assert isinstance(thoughts, Rethinking)
    (variant,) = thoughts.slot.variants
    assert thoughts.sentences(stamp(variant.turn)) == ["51 looks prime.", "It is odd."]
    with pytest.raises(InvalidValueError, match="does not have that run"):
        thoughts.sentences("123")


def test_only_who_goes_on_inside_a_thought_has_a_pencil(shell, seen, server, monkeypatch):
    shell.run('def f(x: int) -> int:\n    """Twice."""\n    return 2 * x')
    shell.run("%%glm --tool f\nIs 51 prime?")
    shell.run("%%glm --no-history\nIs 51 prime?")
    assert [options.thoughts for options in seen] == [None, None]


def test_a_run_of_an_earlier_kernel_is_shown_as_its_cell_is_now(shell, seen):
    shell.run("%%glm\nIs 51 prime?")
    thoughts = seen[0].thoughts
    thoughts.slot.variants.append(Variant(thoughts.slot.turn))  # as one that was read from disk
    assert thoughts.workspace.outputs.options_of(thoughts.slot) is seen[0]
