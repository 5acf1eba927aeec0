"""``%load_ext glm_magic`` and back: everything that is put into a shell is taken out again.

``%glm`` and ``%%glm``, as IPython knows them; what they need is loaded when they first run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from ..core import i18n as speech
from ..core.errors import GlmError
from ..engine import tapes
from ..session import notebook
from .cells import notebook_of
from .line import hooks
from .line.hooks import Completion
from .workspace import Workspace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class GlmMagics(Magics):
    """The magics, and the desk they work at."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.desk = Workspace(shell)

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


NAME = "glm"

_KINDS = ("line", "cell")


class Loaded:
    """What one shell was given, and how it was before."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.before = {kind: shell.magics_manager.magics[kind].get(NAME) for kind in _KINDS}
        self.slot_key: Callable[[], Any] = notebook.slot_key
        self.magics = GlmMagics(shell)
        self.completion = Completion(self.magics.desk)

    @property
    def _configurables(self) -> list[Any]:
        """What ``%config`` offers."""
        shell: Any = self.shell  # a list of shells, says its annotation
        found: list[Any] = shell.configurables
        return found

    def put_in(self) -> None:
        """Register the magics and everything around them."""
        desk = self.magics.desk
        self.shell.register_magics(self.magics)
        self._configurables.append(desk.config)
        self.shell.events.register("post_run_cell", desk.errors.note)
        self.shell.events.register("pre_run_cell", _cell_begins)
        self.shell.events.register("post_run_cell", _cell_ends)
        hooks.install(self.shell)
        self.completion.install()
        desk.cell.install()
        notebook.slot_key = desk.cell.next_key
        self.speed_before = tapes.set_default_speed(desk.usual_speed)
        notebook.notebook = lambda: notebook_of(self.shell)

    def take_out(self) -> None:
        """Leave the shell as it was; the user's own names stay."""
        desk = self.magics.desk
        desk.cell.uninstall()
        notebook.slot_key = self.slot_key
        tapes.set_default_speed(self.speed_before)
        notebook.notebook = notebook.kept = None
        self.completion.uninstall()
        hooks.uninstall(self.shell)
        self.shell.events.unregister("post_run_cell", desk.errors.note)
        self.shell.events.unregister("pre_run_cell", _cell_begins)
        self.shell.events.unregister("post_run_cell", _cell_ends)
        for configurable in (desk.config, self.magics):
            self._configurables.remove(configurable)
        manager: Any = self.shell.magics_manager
        manager.registry.pop(type(self.magics).__name__, None)
        for kind, magic in self.before.items():
            manager.magics[kind].pop(NAME, None)
            if magic is not None:
                manager.magics[kind][NAME] = magic
        GlmError.full_traceback = False
        speech.chosen = None


def _cell_begins(info: Any) -> None:
    """Tell the views, once they are in use, that a cell's earlier outputs are gone."""
    stylesheet = sys.modules.get("glm_magic.views.saved.assets")
    if stylesheet is not None:
        stylesheet.cell_begins(getattr(info, "cell_id", None))
    module = sys.modules.get("glm_magic.views.live.handshake")
    if module is not None:
        module.handshake.cell_begins()


def _cell_ends(_: Any) -> None:
    """Tell the views, once they are in use, that the kernel reads messages again."""
    module = sys.modules.get("glm_magic.views.live.handshake")
    if module is not None:
        module.handshake.cell_ends()


_loaded: dict[int, Loaded] = {}
"""By the shell's identity: a process may hold several, as tests do."""


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give a shell ``%glm`` and ``%%glm``."""
    if id(shell) in _loaded:
        return
    loaded = Loaded(shell)
    loaded.put_in()
    _loaded[id(shell)] = loaded


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take them away again."""
    loaded = _loaded.pop(id(shell), None)
    if loaded is not None:
        loaded.take_out()
