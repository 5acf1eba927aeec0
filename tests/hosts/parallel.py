"""What ``%%px`` does in a notebook: two engines of ipyparallel ask, and their outputs are shown.

Run with the Python of ipyparallel.
"""

from __future__ import annotations

import ipyparallel
from IPython.core.interactiveshell import InteractiveShell


def main() -> None:
    """Show the outputs of every engine, as plain text."""
    InteractiveShell.instance()  # without one, outputs are shown as what Python calls them
    with ipyparallel.Cluster(n=2, log_level=40) as cluster:
        for code in ("%load_ext glm_magic", "%glm why?"):
            result = cluster[:].execute(code, silent=False, block=False)
            result.wait_for_output(60)
            result.get()
            result.display_outputs()


if __name__ == "__main__":
    main()
