"""What a class of forty costs in memory: kernels that have asked once, beside bare ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_client.manager import KernelManager

from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure
from tests.benchmarks.server import served

STUDENTS = 40
ASKED = ("%load_ext glm_magic", "%%glm -p vllm -m m\nWhy?")


def run() -> Iterator[Figure]:
    """Start a class twice; memory that kernels share is counted once."""
    with TemporaryDirectory() as folder, served(Path(folder), {"vllm": records("vllm", 20)}) as url:
        bare = _megabytes(url, Path(folder), ("1 + 1",))
        asked = _megabytes(url, Path(folder), ASKED)
    beside = "bare kernels"
    yield Figure("Class", f"{STUDENTS} kernels that have asked once", asked, "MB", beside, bare)
    extra = (asked - bare) / STUDENTS
    yield Figure("Class", "of these, glm_magic in each kernel", extra, "MB")


def _megabytes(url: str, folder: Path, cells: tuple[str, ...]) -> float:
    """Return the memory of all kernels once they have run these cells."""
    kernels: list[KernelManager] = []
    try:
        for number in range(STUDENTS):
            home = folder / f"student-{number}"
            home.mkdir(exist_ok=True)
            own = {"HOME": str(home), "GLM_HOME": str(home), "GLM_BASE_URL": f"{url}/vllm"}
            kernels.append(KernelManager())
            kernels[-1].start_kernel(env={**os.environ, **own})
        for kernel in kernels:
            client = kernel.blocking_client()
            client.start_channels()
            client.wait_for_ready(timeout=120)
            for cell in cells:
                reply = client.execute_interactive(cell, timeout=120, output_hook=lambda _: None)
                assert reply["content"]["status"] == "ok", reply
            client.stop_channels()
        return sum(_proportional_kb(kernel.provisioner.pid) for kernel in kernels) / 1024
    finally:
        for kernel in kernels:
            kernel.shutdown_kernel(now=True)


def _proportional_kb(pid: int) -> int:
    """Return a process's memory, each shared page divided among those who share it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
