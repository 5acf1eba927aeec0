"""``%load_ext glm_magic`` and ``%unload_ext``: what a shell is given, and how it is taken back.

``%glm`` and ``%%glm`` are registered here, with what has to watch the notebook from the start. The
workspace, and all that a prompt needs, is loaded when they first run. What sessions ask of the
notebook is installed as one value, `session.notebook.NotebookHooks`.
"""

from __future__ import annotations

import inspect
import math
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from ..core.errors import UnavailableError
from ..core.i18n import tr
from ..core.interrupts import StoppedByUser, landing, restore, suppress_interrupt
from ..engine.tapes import set_default_speed
from ..session import notebook
from ..session.notebook import NotebookHooks, RunningCell
from ..views import frontend
from .cell_pictures import CellPictures
from .cells import Errors, RanCells, called_from, notebook_of
from .config import GLM, set_process_settings
from .line import hooks
from .line.hooks import Completion
from .outputs import SHOWN, ShownReplies
from .page_link import PageLink
from .warm_up import WarmUp

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..engine.stream import Stream
    from .workspace import Workspace


@magics_class
class GlmMagics(Magics):
    """The magics of one shell, and their workspace."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._shell = shell
        self.settings = GLM(parent=shell)
        self.errors = Errors(shell)
        self.ran = RanCells()
        self.shown = ShownReplies(shell)
        self.pictures = CellPictures(shell)
        self.cell = RunningCell(shell, self._in_use)

    @cached_property
    def workspace(self) -> Workspace:
        """What prompts and verbs share."""
        from .workspace import Workspace

        return Workspace(
            self._shell,
            self.settings,
            self.errors,
            self.cell,
            self.ran,
            shown=self.shown,
            pictures=self.pictures,
        )

    def loaded_workspace(self) -> Workspace | None:
        """Return what prompts and verbs share, unless nothing needed it yet."""
        return self.workspace if "workspace" in self.__dict__ else None

    def _in_use(self) -> object | None:
        """Return the conversation that prompts belong to, unless nothing was asked yet."""
        workspace = self.loaded_workspace()
        return workspace.in_use() if workspace is not None else None

    @no_var_expand
    @line_cell_magic
    def glm(self, line: str, cell: str | None = None) -> Any:
        """Ask a GLM model and stream its reasoning and answer.

        ``%%glm [MODEL] [options]`` takes the cell as the prompt; ``%glm VERB`` shows or changes
        something, and ``%glm prompt`` asks and returns the reply. ``%glm help`` lists the options
        and verbs.
        """
        try:
            with landing():
                return self._run_or_cancel(line, cell)
        except StoppedByUser:
            raise frontend.stopped_by_user() from None

    def _run_or_cancel(self, line: str, cell: str | None) -> Any:
        waiting = self._waiting()
        try:
            with called_from(inspect.currentframe()):
                return self._run(line, cell)
        except KeyboardInterrupt:
            with suppress_interrupt():
                for stream in self._waiting() - waiting:  # nobody will send them
                    stream.cancel()
            raise

    def _run(self, line: str, cell: str | None) -> Any:
        if cell is None:
            from .dispatch import run_line

            return run_line(self.workspace, line)
        if not cell.strip():
            from .dispatch import refuse_verb

            refuse_verb(self.workspace, line)
        from .prompt import run_prompt

        run_prompt(self.workspace, line, cell)
        return None

    def _waiting(self) -> set[Stream]:
        """Return the prompts that have their place in a session and are not sent yet."""
        workspace = self.loaded_workspace()
        if workspace is None:
            return set()
        asked = (stream for session in workspace.sessions for stream in session.asked)
        return {stream for stream in asked if not stream.started and not stream.done}


NAME = "glm"

_KINDS = ("line", "cell")


class Loaded:
    """What one shell was given, and how it was before."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.before = {kind: shell.magics_manager.magics[kind].get(NAME) for kind in _KINDS}
        self.magics = GlmMagics(shell)
        self.typed_lines = frontend.TypedLines(shell)
        self.completion = Completion(shell, lambda: self.magics.workspace)
        self.page_link = PageLink(
            shell, self.magics.loaded_workspace, lambda: self.magics.workspace
        )
        self.hooks = NotebookHooks(
            cell_key=self.magics.cell.next_key,
            notebook_path=lambda: notebook_of(shell),
            persistence=lambda: self.magics.settings.store,
            session=lambda: self.magics.workspace.session,
        )
        self.warm_up = WarmUp()
        self.events = [
            ("post_run_cell", self.magics.errors.note),
            ("post_run_cell", self.magics.ran.note),
            ("pre_run_cell", _cell_started),
            ("post_run_cell", _cell_ended),
            ("pre_run_cell", self.warm_up.cell_started),
            ("post_run_cell", self.warm_up.cell_ended),
        ]

    @property
    def _configurables(self) -> list[Any]:
        """What ``%config`` offers."""
        shell: Any = self.shell  # a list of shells, says its annotation
        configurables: list[Any] = shell.configurables
        return configurables

    @property
    def _formatter(self) -> Any:
        """What IPython asks before it makes the forms of a value."""
        shell: Any = self.shell
        return shell.display_formatter.ipython_display_formatter

    def install(self) -> None:
        """Register the magics and everything around them."""
        self.shell.register_magics(self.magics)
        self._configurables.append(self.magics.settings)
        for event, handler in self.events:
            self.shell.events.register(event, handler)
        self.typed_lines.install()
        hooks.install(self.shell)
        self.completion.install()
        self._formatter.for_type_by_name(*SHOWN, self.magics.shown.show)
        self.magics.cell.install()
        self.magics.pictures.install()
        notebook.install(self.hooks)
        self.page_link.install()
        self.warm_up.start()
        self.speed_before = set_default_speed(self._default_speed)

    def uninstall(self) -> None:
        """Leave the shell as it was; the user's own names stay."""
        set_default_speed(self.speed_before)
        self.warm_up.stop()
        self.page_link.uninstall()
        notebook.uninstall(self.hooks)
        self.magics.pictures.uninstall()
        self.magics.cell.uninstall()
        self._formatter.pop(".".join(SHOWN), None)
        self.completion.uninstall()
        hooks.uninstall(self.shell)
        self.typed_lines.uninstall()
        for event, handler in self.events:
            self.shell.events.unregister(event, handler)
        for configurable in (self.magics.settings, self.magics):
            self._configurables.remove(configurable)
        manager: Any = self.shell.magics_manager
        manager.registry.pop(type(self.magics).__name__, None)
        for kind, magic in self.before.items():
            manager.magics[kind].pop(NAME, None)
            if magic is not None:
                manager.magics[kind][NAME] = magic
        set_process_settings()

    def _default_speed(self) -> float:
        """Return how fast tapes play here: without waiting where nobody watches."""
        return math.inf if frontend.frontend_of(self.shell) == "executor" else 1.0


def _cell_started(info: Any) -> None:
    """Tell the views in use that a cell's earlier outputs are gone."""
    restore()
    for handler in frontend.cell_started:
        handler(getattr(info, "cell_id", None))


def _cell_ended(_: Any) -> None:
    """Tell the views in use that the kernel reads messages again."""
    for handler in frontend.cell_ended:
        handler()


_loaded: dict[int, Loaded] = {}
"""By the shell's identity: a process may hold several, as tests do."""


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give a shell ``%glm`` and ``%%glm``.

    Raises
    ------
    UnavailableError
        Python runs in the browser (Pyodide, JupyterLite).
    """
    if sys.platform == "emscripten":
        raise UnavailableError(
            tr("glm_magic does not run in the browser: Python has no threads there"),
            hint=tr("open the notebook in a JupyterLab or Notebook with a kernel of its own"),
        )
    if id(shell) in _loaded:
        return
    loaded = Loaded(shell)
    loaded.install()
    _loaded[id(shell)] = loaded


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take them away again."""
    loaded = _loaded.pop(id(shell), None)
    if loaded is not None:
        loaded.uninstall()
