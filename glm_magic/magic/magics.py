"""``%glm`` and ``%%glm``, as IPython knows them; what they need is loaded when they first run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from .desk import Desk

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class GlmMagics(Magics):
    """The magics, and the desk they work at."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.desk = Desk(shell)

    @no_var_expand
    @line_cell_magic
    def glm(self, line: str, cell: str | None = None) -> Any:
        """Ask a GLM model and stream its reasoning beside the answer.

        ``%%glm [MODEL] [options]`` takes the cell as the prompt; ``%glm VERB`` shows or changes
        something, and ``%glm prompt`` asks and returns the reply. ``%glm help`` lists the options
        and verbs.
        """
        from .dispatch import run_line, run_prompt

        if cell is None:
            return run_line(self.desk, line)
        run_prompt(self.desk, line, cell)
        return None
