"""What every test gets: a home of its own, a bare environment, and no network but loopback."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.reference import MISSING, reference_folder
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import RawServer

settings.register_profile(
    "glm",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("glm")

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_KEPT = ("GLM_REFERENCE",)


def _is_private(name: str) -> bool:
    upper = name.upper()
    if upper in _KEPT:
        return False
    return upper.endswith("_API_KEY") or upper.startswith("GLM_") or upper in _PROXIES


@pytest.fixture(autouse=True)
def isolated_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty home, and an environment without keys, settings and proxies."""
    for name in [name for name in os.environ if _is_private(name)]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("GLM_HOME", str(home / "glm"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("IPYTHONDIR", str(home / ".ipython"))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    return home


@pytest.fixture(autouse=True, scope="session")
def default_signals() -> None:
    """Heed interrupts and hang-ups, which a run in the background is started to ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def fresh_process_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no session, budget, limit or learnt size of another test be known to this one."""
    from glm_magic.engine import limiter
    from glm_magic.session import budgets, notebook, spending
    from glm_magic.session.context import calibration

    notebook.conversations.clear()
    limiter.forget()
    spending.forget()
    monkeypatch.setattr(notebook, "_installed", [])
    monkeypatch.setattr(budgets, "_in_memory", {})
    monkeypatch.setattr(calibration, "_seen", {})


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Refuse every connection that would leave this computer."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"
        if self.family != socket.AF_UNIX and str(host) not in ("127.0.0.1", "::1", "localhost"):
            raise PermissionError(f"a test tried to reach {address}")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one table at the end what was not tested, and why."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[-1]).removeprefix("Skipped: ") for report in reports)
    if reasons:
        terminalreporter.section("skipped, and why")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:6,}  {reason}")


@pytest.fixture
def quiet_heap() -> Iterator[None]:
    """Keep the collector from what earlier tests left: it takes longer than what is measured."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def reference() -> Path:
    """Give the folder of given documents and recorded streams."""
    folder = reference_folder()
    if folder is None:
        pytest.skip(MISSING)
    return folder


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """Give a running server that speaks every vendor's protocol."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    """Give a running server that sends exact bytes and misbehaves as told."""
    with RawServer() as server:
        yield server
