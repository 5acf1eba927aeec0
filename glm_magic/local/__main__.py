"""``python -m glm_magic.local``: install the local model, or say how things stand."""

from __future__ import annotations

import argparse
import sys

from .install import available, install, why_not
from .models import BETTER, TINY, selected_model
from .probe import found_servers


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m glm_magic.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser(
        "install", help="install a small model and the server that runs it"
    )
    adding.add_argument("--better", action="store_true", help=f"{BETTER} in place of {TINY}")
    commands.add_parser("status", help="say whether the local model can start, and what else runs")
    options = parser.parse_args(arguments)
    return install(BETTER if options.better else TINY) if options.command == "install" else status()


def status() -> int:
    """Say whether the local model can start; return 0 when it can."""
    lines = [why_not() or f"Ready: {selected_model().title}."]
    lines += [f"A model server runs here: GLM_PROVIDER={name}" for name in found_servers()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if available() else 1


if __name__ == "__main__":
    sys.exit(main())
