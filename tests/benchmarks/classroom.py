"""What a class of forty costs in memory: its kernels when they have asked once, and before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.decoding import records
from tests.benchmarks.figures import Figure
from tests.benchmarks.kernels import kernels, megabytes
from tests.benchmarks.server import served

STUDENTS = 40
ASKED = ("%load_ext glm_magic", "%%glm -p vllm -m m\nWhy?")


def run() -> Iterator[Figure]:
    """Start a class, and let it ask; memory that kernels share is counted once."""
    body = {"vllm": records("vllm", 20)}
    with TemporaryDirectory() as folder, served(Path(folder), body) as url, kernels() as students:
        homes = (Path(folder) / f"student-{number}" for number in range(STUDENTS))
        pids = [students.start(home, {"GLM_BASE_URL": f"{url}/vllm"}) for home in homes]
        students.run("1 + 1")
        bare = _megabytes(pids)
        students.run(*ASKED)
        asked = _megabytes(pids)
    beside = "the same kernels before"
    yield Figure("Class", f"{STUDENTS} kernels that have asked once", asked, "MB", beside, bare)
    extra = (asked - bare) / STUDENTS
    yield Figure("Class", "of these, glm_magic in each kernel", extra, "MB")


def _megabytes(pids: Sequence[int]) -> float:
    """Return the memory of processes, each shared page divided among those who share it."""
    return sum(megabytes(pid, "smaps_rollup", "Pss") for pid in pids)
