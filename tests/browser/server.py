"""A JupyterLab of our own: a free loopback port, its own folders, stopped by its process id."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TOKEN = "browser-tests"
KERNEL = "glm-browser-tests"
START_S = 60.0
STACKS_S = 5.0
LOG_CHARS = 6_000
PAGE_PATHS = {
    "jupyterlab": "doc/tree",
    "notebook": "notebooks",
    "nbclassic": "nbclassic/notebooks",
    "voila": "voila/render",
}
_running: list[LabServer] = []


def running_servers() -> list[LabServer]:
    """Return the servers that this process has started and not stopped."""
    return list(_running)


class LabServer:
    """JupyterLab, with one kernel that runs the Python of the tests.

    Parameters
    ----------
    folder : Path
        Where notebooks, configuration and data go.
    app : str
        Module to run: ``jupyterlab``, ``notebook``, ``nbclassic``, or ``voila``.
    environment : dict
        More environment for the server and so for its kernels.
    without : sequence of str
        Extensions of the page that are switched off.
    kernel : Path, optional
        A folder with another ipykernel, which comes before the installed one.
    python : str
        What runs the server; the kernel always runs in the Python of the tests.
    prefix : Path, optional
        Where a wheel of glm_magic is installed; by default, kernels and page use this checkout.
    """

    def __init__(
        self,
        folder: Path,
        app: str = "jupyterlab",
        environment: dict[str, str] | None = None,
        without: Sequence[str] = (),
        kernel: Path | None = None,
        python: str = sys.executable,
        prefix: Path | None = None,
    ) -> None:
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._app = app
        self._python = python
        self.page_path = PAGE_PATHS[app]
        self._environment = environment or {}
        self._without = without
        self._prefix = prefix
        package = next(prefix.glob("lib/*/site-packages")) if prefix else PROJECT
        self._kernel_path = os.pathsep.join(str(path) for path in (kernel, package) if path)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._write_kernel()
        self._write_settings()
        self._link_frontend()
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=log,
                env=self._environ(),
                cwd=self.notebooks,
                start_new_session=True,
            )
        _running.append(self)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{self._app} did not start: {self.log()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server with its kernels."""
        if self in _running:
            _running.remove(self)
        process = self._process
        if process is None or process.poll() is not None:
            self._process = None
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def forget_settings(self) -> None:
        """Let pages that are opened from now on have the default settings again."""
        shutil.rmtree(self._folder / "settings", ignore_errors=True)

    def log(self) -> str:
        """Return what the server printed."""
        return (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def tell_stacks(self) -> str:
        """End all kernels, and return the end of the log, with the stacks that each one prints."""
        import psutil  # comes with ipykernel

        with suppress(psutil.Error):  # one has ended meanwhile, or the server has
            children = psutil.Process(self._process.pid).children() if self._process else []
            kernels = [child for child in children if "ipykernel_launcher" in child.cmdline()]
            for kernel in kernels:
                kernel.send_signal(signal.SIGABRT)
            psutil.wait_procs(kernels, timeout=STACKS_S)
        return self.log()[-LOG_CHARS:]

    def _command(self) -> list[str]:
        command = [self._python, "-m", self._app, "--no-browser", f"--port={self.port}"]
        if self._app == "voila":
            return [*command, f"--token={TOKEN}", "--Voila.ip=127.0.0.1", str(self.notebooks)]
        return [
            *command,
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={self.notebooks}",
            *(["--expose-app-in-browser"] if self._app in ("jupyterlab", "notebook") else []),
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]

    def _environ(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GLM_", "JUPYTER")) and not name.endswith("_API_KEY")
        }
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "HOME": "home",
            "GLM_HOME": "glm",
            "JUPYTER_PATH": "shared",
        }
        own = {name: str(self._folder / folder) for name, folder in folders.items()}
        Path(own["HOME"]).mkdir(exist_ok=True)
        return {**kept, **own, "LANG": "C.UTF-8", "NO_PROXY": "*", **self._environment}

    def _write_kernel(self) -> None:
        folder = self._folder / "data" / "kernels" / KERNEL
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3",
            "language": "python",
            "env": {
                "PYTHONPATH": self._kernel_path,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONFAULTHANDLER": "1",
            },
        }
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")

    def _write_settings(self) -> None:
        """Keep JupyterLab from asking about its news and from looking for a newer one."""
        folder = self._folder / "settings" / "@jupyterlab" / "apputils-extension"
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"fetchNews": "false", "checkForUpdates": False}
        config = self._folder / "config" / "labconfig"
        config.mkdir(parents=True, exist_ok=True)
        disabled = {"disabledExtensions": dict.fromkeys(self._without, True)}
        (config / "page_config.json").write_text(json.dumps(disabled), encoding="utf-8")
        file = folder / "notification.jupyterlab-settings"
        file.write_text(json.dumps(settings), encoding="utf-8")

    def _link_frontend(self) -> None:
        """Let the page load this front end, whatever else is installed."""
        folder = self._folder / "shared" / "labextensions"
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "glm-magic"
        if self._prefix:
            target = self._prefix / "share" / "jupyter" / "labextensions" / "glm-magic"
        else:
            target = PROJECT / "labextension"
        if not link.is_symlink():
            link.symlink_to(target, target_is_directory=True)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/status?token={TOKEN}", timeout=1):
                return True
        except urllib.error.HTTPError:  # Voila has no status to give
            return True
        except (OSError, urllib.error.URLError):
            return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
