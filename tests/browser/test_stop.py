"""Stop and interrupt, timed on every ipykernel that is at hand, in JupyterLab and Notebook 7.

By default the kernel is the installed one. `GLM_KERNELS` names a folder with one more ipykernel in
each of its folders, as ``pip install --no-deps --target FOLDER/VERSION ipykernel==VERSION`` puts
them there; ``make kernels`` does so for the versions that are promised.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab
from .server import LabServer
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STOPPED_S = 0.7
"""From the click to the output that stays."""
INTERRUPTED_S = 0.3
ROUNDS = 6
"""The best of so many counts: a busy machine is no fault of the panel."""
SLOW = Script(reasoning="Let me see. " * 20, answer="word " * 2000, pause_s=0.02)
CLOCK = """([cell, act]) => new Promise((resolve, reject) => {
  const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[cell];
  const began = performance.now();
  const look = () => {
    if (output.querySelector('.glm[data-s=interrupted]:not(:has(.glm-buttons))'))
      resolve((performance.now() - began) / 1000);
    else if (performance.now() - began > 20000) reject(new Error('it did not stop'));
    else setTimeout(look, 5);
  };
  if (act === 'stop') output.querySelector('.glm-stop').click();
  else window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt();
  look();
})"""


def kernels() -> list[Path | None]:
    """Return where other ipykernels are; ``None`` is the installed one."""
    folder = os.environ.get("GLM_KERNELS")
    return [None, *sorted(Path(folder).iterdir())] if folder else [None]


@pytest.fixture(params=kernels(), ids=lambda path: path.name if path else "installed")
def kernel(request: pytest.FixtureRequest) -> Path | None:
    """Give each ipykernel in turn."""
    return Path(request.param) if request.param else None


@pytest.fixture(params=["jupyterlab", "notebook"])
def page(
    request: pytest.FixtureRequest,
    kernel: Path | None,
    tmp_path_factory: pytest.TempPathFactory,
    chromium: Any,
) -> Iterator[Lab]:
    """Return a page of JupyterLab or Notebook whose kernel is that ipykernel."""
    pytest.importorskip(request.param)
    server = LabServer(tmp_path_factory.mktemp("stop"), app=request.param, kernel=kernel)
    server.start()
    page = Lab(chromium, server)
    yield page
    page.close()
    server.stop()


def best_s(page: Lab, act: str, wanted_s: float) -> float:
    """Return the best time from the act to the output that stays; three rounds at least."""
    times: list[float] = []
    while len(times) < 3 or (len(times) < ROUNDS and min(times) >= wanted_s):
        page.run(1, wait=False)
        try:
            page.wait_phase(1, "answering")
        except Exception as error:
            raise AssertionError(f"{act}: {times} then {page.text(1)!r}") from error
        page.page.wait_for_timeout(300)
        times.append(float(page.page.evaluate(CLOCK, [1, act])))
        page.wait_idle()
        # A kernel drops what is asked while it still clears its queue after an error.
        page.page.wait_for_timeout(700)
    return min(times)


def test_stop_and_interrupt_end_a_reply_at_once(
    page: Lab, model_server: ModelServer, record_property: Any
) -> None:
    model_server.tell(SLOW)
    version = "import ipykernel; print(ipykernel.__version__)"
    prompt = "%%glm -p zai --think\ntell me"
    page.open([setup_cell(model_server), prompt, "print('the next cell ran')", version])
    page.run(0)
    page.run(3)
    kernel_version = page.text(3).strip()
    stop_s = best_s(page, "stop", STOPPED_S)
    interrupt_s = best_s(page, "interrupt", INTERRUPTED_S)
    print(f"ipykernel {kernel_version}: stop {stop_s:.2f} s, interrupt {interrupt_s:.2f} s")
    record_property("stop_s", stop_s)
    record_property("interrupt_s", interrupt_s)
    assert all(request.hung_up.wait(10) for request in model_server.requests)
    assert stop_s < STOPPED_S
    assert interrupt_s < INTERRUPTED_S
    page.run(2)
    assert "the next cell ran" in page.text(2), "the kernel is healthy"


def test_run_all_goes_on_after_stop_or_says_that_it_did_not(
    page: Lab, model_server: ModelServer
) -> None:
    model_server.tell(SLOW)
    prompt = "%%glm -p zai --think\ntell me"
    page.open([setup_cell(model_server), prompt, "print('the next cell ran')"])
    page.run(0)
    page.run(1, wait=False)
    page.run(2, wait=False)
    page.wait_phase(1, "answering")
    page.click_stop(1)
    page.wait_static(1)
    went_on = lambda: page.outputs(2) != []  # noqa: E731
    skipped = lambda: "queued did not run" in page.text(1)  # noqa: E731
    page.until(lambda: went_on() or skipped())
    page.wait_idle()
    assert went_on() is not skipped()
