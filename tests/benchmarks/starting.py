"""Loading the extension, and the time from a cell to its request on the wire."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure
from tests.benchmarks.server import served

ROUNDS = 7
BARE = """
import time
began = time.perf_counter()
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
print(time.perf_counter() - began)
"""
LOADED = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", "glm_magic")
print(time.perf_counter() - began)
"""
ASKED = """
import contextlib, io, json, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "glm_magic")
from urllib.request import urlopen
began = []
for _ in range(6):
    began.append(time.monotonic())
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell_magic("glm", "-p vllm -m m --no-history", "Why?")
with urlopen(URL + "/times") as reply:
    asked = json.load(reply)["asked"]
print(json.dumps([there - here for here, there in zip(began, asked[-6:], strict=True)]))
"""


BESIDE = """
import json, time
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()
from urllib.request import urlopen
began = time.monotonic()
import httpx
with httpx.Client() as client:
    client.post(URL + "/vllm/chat/completions", json={})
with urlopen(URL + "/times") as reply:
    asked = json.load(reply)["asked"]
print(json.dumps(asked[-1] - began))
"""
IDLE = "time.sleep(1)"


def run() -> Iterator[Figure]:
    """Measure in fresh processes of Python."""
    bare = _median(BARE)
    yield Figure("Start", "%load_ext glm_magic", _median(LOADED) * 1e3, "ms", reach=60)
    yield Figure("Start", "bare IPython, for comparison", bare * 1e3, "ms")
    body = {"vllm": records("vllm", 20)}
    with TemporaryDirectory() as folder, served(Path(folder), body) as url:
        head, tail = f"URL = {url!r}\n", ASKED.partition("began = []")
        idle = f"{head}{tail[0]}{IDLE}\n{tail[1]}{tail[2]}"
        rested = [json.loads(_printed(idle, url))[0] for _ in range(ROUNDS)]
        bare_post = [json.loads(_printed(head + BESIDE, url)) for _ in range(ROUNDS)]
        timings = [json.loads(_printed(head + ASKED, url)) for _ in range(ROUNDS)]
    cold = statistics.median(times[0] for times in timings)
    warm = statistics.median(value for times in timings for value in times[1:])
    beside = statistics.median(bare_post) * 1e3
    name = "importing httpx, and a POST"
    what = "first %%glm to its request on the wire"
    yield Figure("Start", f"{what}, at once", cold * 1e3, "ms", name, beside)
    idle_ms = statistics.median(rested) * 1e3
    yield Figure("Start", f"{what}, after an idle second", idle_ms, "ms", name, beside, reach=2.5)
    yield Figure("Start", "later %%glm to its request on the wire", warm * 1e3, "ms", reach=20)


def _median(program: str) -> float:
    return statistics.median(float(_printed(program)) for _ in range(ROUNDS))


def _printed(program: str, url: str = "") -> str:
    """Run a program in a fresh process and a fresh home; return its last line."""
    with TemporaryDirectory() as home:
        own = {"HOME": home, "IPYTHONDIR": home, "GLM_HOME": home, "GLM_BASE_URL": f"{url}/vllm"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GLM_")}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**kept, **own},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return done.stdout.strip().splitlines()[-1]
