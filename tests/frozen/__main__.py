"""Freeze what the present code says: ``python -m tests.frozen --write``.

Only ``messages.json`` and ``pages.json`` are written: sentences and pages may get better. Look at
the difference before it is committed: each line of it is one that users read. Nothing else is made
again (see `tests.frozen`).
"""

from __future__ import annotations

import argparse
import os
import sys

import pytest

from tests.frozen.snapshots import FOLDER


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.frozen", description=__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args()
    for name in ("messages.json", "pages.json"):
        (FOLDER / name).unlink(missing_ok=True)
    os.environ["FROZEN_MESSAGES"] = "write"
    tests = [str(FOLDER / name) for name in ("test_messages.py", "test_tape.py")]
    return int(pytest.main(["-q", *tests]))


if __name__ == "__main__":
    sys.exit(main())
