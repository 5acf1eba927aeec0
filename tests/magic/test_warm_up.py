"""What the first prompt needs is loaded while the shell is idle, and never while a cell runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from glm_magic.magic import warm_up
from glm_magic.magic.warm_up import WarmUp

PROGRAM = """
import json, sys, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()

def warming():
    return [thread for thread in threading.enumerate() if thread.name == "glm-warm-up"]

cell = '''
%load_ext glm_magic
import time
time.sleep(1)
import json, sys
print(json.dumps("httpx" in sys.modules))
'''
shell.run_cell(cell)
for thread in warming():
    thread.join()
print(json.dumps(sorted(sys.modules)))
"""


def test_nothing_is_loaded_before_the_cell_has_ended() -> None:
    """The cell that loads the extension included; then everything is."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    in_the_cell, after = map(json.loads, done.stdout.splitlines()[-2:])
    assert in_the_cell is False
    assert set(warm_up.MODULES) <= set(after)


@pytest.fixture
def order() -> list[str]:
    """Return what happened, in order."""
    return []


@pytest.fixture
def warming(order: list[str], monkeypatch: pytest.MonkeyPatch) -> WarmUp:
    """Return a warm-up that waits for nothing but cells."""
    monkeypatch.setattr(warm_up, "QUIET_S", 0.0)
    monkeypatch.setattr(warm_up, "PAUSE_S", 0.0)
    return WarmUp([lambda: order.append("first"), lambda: order.append("second")])


def test_a_cell_comes_first(warming: WarmUp, order: list[str]) -> None:
    """However long it takes."""
    warming.cell_started()
    warming.start()
    time.sleep(0.05)  # the cell computes
    order.append("cell")
    warming.cell_ended()
    warming.join()
    assert order == ["cell", "first", "second"]


def test_a_module_that_is_broken_stops_nothing(order: list[str], warming: WarmUp) -> None:
    """The prompt that needs it says what is wrong."""

    def broken() -> None:
        raise ImportError("no such library")

    warming = WarmUp([broken, lambda: order.append("after")])
    warming.start()
    warming.join()
    assert order == ["after"]


def test_unloading_stops_it(warming: WarmUp, order: list[str]) -> None:
    """Whatever it had left to do."""
    warming.cell_started()
    warming.stop()
    warming.start()
    warming.join()
    assert order == []
