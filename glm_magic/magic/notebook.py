"""Which notebook this kernel runs, as far as it was told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def notebook_of(shell: InteractiveShell) -> str:
    """Return the path of the notebook, or of the folder where no notebook is known.

    Jupyter servers name it in ``JPY_SESSION_NAME``, VS Code in a variable of the namespace.
    """
    told = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(told) if told else str(Path.cwd())
