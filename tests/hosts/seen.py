"""What the tests saw in each host: kept in ``seen.json``, from which ``docs/hosts.md`` is made.

A test that ran a host says at its end what it asserted. That must be what the file says of the
host; with ``GLM_RECORD_HOSTS=1``, as ``make hosts`` has it, it is written there instead, with the
host's version and the day.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("seen.json")
FACTS = ("streams", "stop", "stays")
_RECORDS = bool(os.environ.get("GLM_RECORD_HOSTS"))

HOSTS = Path(os.environ.get("GLM_HOSTS") or Path(sys.prefix) / "hosts")
"""Where ``make test`` installs hosts that do not belong into the environment of the tests."""

PANEL = "a panel, as the text arrives"
PRINTED = "printed, as the text arrives"
AT_THE_END = "at the end"
ONE_OUTPUT = "one output: HTML, Markdown, plain text"
TEXT = "the text"


def installed(name: str) -> Path:
    """Return the folder of a host that needs an environment of its own, or skip the test."""
    folder = HOSTS / name
    if not folder.exists():
        pytest.skip(f"{name} is not installed: make test does that")
    return folder


def saw(host: str, version: str, *, streams: str = "", stop: str = "", stays: str = "") -> None:
    """Say what a test has asserted about a host.

    Parameters
    ----------
    host, version : str
        Its name and the version that ran.
    streams : str
        What is seen while a reply arrives; empty where nothing runs there.
    stop : str
        How a reply is stopped there; empty where it cannot be.
    stays : str
        What is there at the end, and in the file.
    """
    facts = {"streams": streams, "stop": stop, "stays": stays}
    rows = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if _RECORDS:
        day = datetime.now(tz=UTC).date().isoformat()
        rows[host] = {"version": version, **facts, "seen": day}
        text = json.dumps(dict(sorted(rows.items())), indent=1, ensure_ascii=False)
        FILE.write_text(f"{text}\n", encoding="utf-8")
    row = rows.get(host, {})
    assert {name: row.get(name) for name in FACTS} == facts, "run: make hosts"
