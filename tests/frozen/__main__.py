"""Freeze what the present code says: ``python -m tests.frozen --write``.

Only ``messages.json`` is written: sentences may get better. Look at the difference before it is
committed: each line of it is one that users read. Nothing else is made again (see `tests.frozen`).
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
    (FOLDER / "messages.json").unlink(missing_ok=True)
    os.environ["FROZEN_MESSAGES"] = "write"
    return int(pytest.main(["-q", str(FOLDER / "test_messages.py")]))


if __name__ == "__main__":
    sys.exit(main())
