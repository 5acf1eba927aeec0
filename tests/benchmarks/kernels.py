"""Kernels to be measured, each with a home of its own that knows the local server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.manager import KernelManager

TIMEOUT_S = 300


class Kernels:
    """Kernels that end together."""

    def __init__(self) -> None:
        self._managers: list[KernelManager] = []

    def start(self, home: Path, own: Mapping[str, str]) -> int:
        """Start one with variables of its own; return its process id."""
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GLM_")}
        homes = dict.fromkeys(("HOME", "IPYTHONDIR", "GLM_HOME"), str(home))
        # A port that is free when it is chosen may be taken when the kernel starts; a file is not.
        self._managers.append(KernelManager(transport="ipc", ip=str(home / "kernel")))
        self._managers[-1].start_kernel(env={**kept, **homes, **own})
        return int(self._managers[-1].provisioner.pid)

    def run(self, *cells: str) -> None:
        """Run cells in every kernel, one kernel after the other."""
        for manager in self._managers:
            client = manager.blocking_client()
            client.start_channels()
            client.wait_for_ready(timeout=TIMEOUT_S)
            for cell in cells:
                reply = client.execute_interactive(
                    cell, timeout=TIMEOUT_S, output_hook=lambda _: None
                )
                assert reply["content"]["status"] == "ok", reply
            client.stop_channels()

    def end(self) -> None:
        """End all of them."""
        for manager in self._managers:
            manager.shutdown_kernel(now=True)


@contextmanager
def kernels() -> Iterator[Kernels]:
    """Give kernels that end with the block."""
    started = Kernels()
    try:
        yield started
    finally:
        started.end()


def megabytes(pid: int, file: str, name: str) -> float:
    """Return one figure of a process's memory; Linux has it in units of 1,024 bytes."""
    lines = Path(f"/proc/{pid}/{file}").read_text(encoding="ascii").splitlines()
    units = next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
    return units * 1024 / 1e6
