"""``%glm`` and ``%%glm``: verb or prompt, and what each leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from . import parse, verbs
from .asking import ask
from .commands import COMMANDS
from .desk import Desk
from .model_table import filters
from .overview import status
from .reference import whole_help
from .tables import show

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
        if cell is None:
            return self._line(line)
        self._prompt(line, cell)
        return None

    def _line(self, line: str) -> Any:
        found = verbs.find_verb(line, self._judges())
        if found is not None:
            verb, words = found
            verbs.refuse_unbuilt(verb)
            show(COMMANDS[verb.name](self.desk, words))
            return None
        if not line.strip():
            show(status(self.desk))
            return None
        if not self.desk.is_model(line.strip()):
            verbs.refuse_misspelt(line)
        return self._prompt(line, None)

    def _prompt(self, line: str, cell: str | None) -> Any:
        options = parse.parse(line, self.desk.is_model)
        if options.help:
            show(whole_help())
            return None
        parse.refuse_unbuilt(options)
        return ask(self.desk, options, cell)

    def _judges(self) -> Mapping[str, verbs.Accepts]:
        return {"FILTER": lambda word: filters(self.desk.catalogue, word)}
