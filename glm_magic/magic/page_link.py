"""What a page with the front end is told about this kernel: its session, its figures, its names.

The kernel keeps a comm and announces it to nobody: a page asks for comms of this name, and greets
the one that there is. Pages without the front end, and programs, hear nothing of it. A page that
greeted gets the whole state, and from then on what changed, at most four times a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..core.errors import GlmError, InvalidValueError
from ..core.i18n import tr, translate

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .workspace import Workspace

TARGET = "glm_magic"
VERSION = 1
INTERVAL_S = 0.25
"""Between two messages, at least."""
VERBS = ("choose", "drop", "fork", "hide", "new", "pin", "resume", "undo")
"""What a page may ask for, as ``%glm`` does it."""

_log = logging.getLogger(__name__)


class PageLink:
    """The kernel's end of the comm; `comm_id` and the handlers are what ipykernel asks of one.

    Parameters
    ----------
    shell : InteractiveShell
        Whose names are told.
    loaded : callable
        Returns the workspace, or ``None`` as long as nothing needed one.
    workspace : callable
        Returns it in any case, for what a page asks to do.
    """

    target_name = TARGET
    comm_id = TARGET

    def __init__(
        self,
        shell: InteractiveShell,
        loaded: Callable[[], Workspace | None],
        workspace: Callable[[], Workspace],
    ) -> None:
        self._shell, self._loaded, self._workspace = shell, loaded, workspace
        self._comm: Any = None
        """What sends; ``None`` until a page greets."""
        self._lock = threading.Lock()
        self._follower: threading.Thread | None = None
        self._again = False
        """Whether something may have changed since the follower looked."""
        self._runs = False
        """Whether a cell runs."""
        self._told: dict[str, Any] = {}
        self._told_turns: dict[str, Any] = {}
        self._told_s = 0.0

    def install(self) -> None:
        """Let pages find the comm, where the shell belongs to a kernel."""
        if getattr(self._shell, "kernel", None) is None:
            return
        from comm import get_comm_manager

        get_comm_manager().register_comm(self)  # type: ignore[arg-type]
        self._shell.events.register("pre_run_cell", self._cell_started)
        self._shell.events.register("post_run_cell", self._cell_ended)

    def uninstall(self) -> None:
        """Take it away, and tell the pages that greeted."""
        if getattr(self._shell, "kernel", None) is None:
            return
        from comm import get_comm_manager

        self._shell.events.unregister("pre_run_cell", self._cell_started)
        self._shell.events.unregister("post_run_cell", self._cell_ended)
        get_comm_manager().unregister_comm(self)  # type: ignore[arg-type]
        comm, self._comm = self._comm, None
        if comm is not None:
            comm.publish_msg("comm_close")

    def handle_msg(self, message: Mapping[str, Any]) -> None:
        """Take a page's message: a greeting, or what a person chose there.

        One of another version is left unanswered: its page shows what the file has.
        """
        data = message.get("content", {}).get("data", {})
        if not isinstance(data, Mapping) or data.get("version") != VERSION:
            return
        match data.get("type"):
            case "hello":
                self._greet()
            case "do":
                self._do(data)

    def _greet(self) -> None:
        if self._comm is None:
            from comm import create_comm

            self._comm = create_comm(target_name=TARGET, comm_id=TARGET, primary=False)
        self._told, self._told_turns = {}, {}  # the page is new, and knows nothing
        self._follow()

    def _do(self, data: Mapping[str, Any]) -> None:
        """Run a verb, on the turn that was chosen if it is about one, and tell how it went."""
        try:
            answer = {"type": "done", "text": self._run_verb(data)}
        except GlmError as error:
            answer = {"type": "refused", "text": translate(error.message)}
        if self._comm is not None:
            self._comm.send({"version": VERSION, **answer})
        self._follow()

    def _run_verb(self, data: Mapping[str, Any]) -> str:
        from .verbs.registry import verbs

        workspace = self._workspace()
        name, given = data.get("verb"), data.get("words")
        words = [str(word) for word in given] if isinstance(given, list) else []
        if data.get("turn") is not None:
            ids = [slot.id for slot in workspace.session.slots]
            if data["turn"] not in ids:
                raise InvalidValueError(tr("this turn is no longer there"))
            words = [str(ids.index(data["turn"]) + 1), *words]
        verb = verbs().get(str(name)) if name in VERBS else None
        if verb is None or not verb.accepts(workspace, words):
            raise InvalidValueError(
                tr("%glm {line} is not understood", line=" ".join([str(name), *words]))
            )
        result = verb.run(workspace, words)
        workspace.outputs.refresh(workspace.session)
        return result.text() if result is not None else ""

    def handle_close(self, _: Mapping[str, Any]) -> None:
        """Stay: other pages may listen, and ipykernel has just removed what a page closed."""
        from comm import get_comm_manager

        get_comm_manager().register_comm(self)  # type: ignore[arg-type]

    def _cell_started(self, _: Any = None) -> None:
        self._runs = True
        self._follow()

    def _cell_ended(self, _: Any = None) -> None:
        self._runs = False
        self._follow()

    def _follow(self) -> None:
        """Let a thread tell what changes until nothing runs any more."""
        with self._lock:
            if self._comm is None:
                return
            self._again = True
            if self._follower is None:
                self._follower = threading.Thread(target=self._tell, name="glm-page", daemon=True)
                self._follower.start()

    def _tell(self) -> None:
        while True:
            self._again = False  # whoever sets it from here on is told of, this time or the next
            time.sleep(max(0.0, self._told_s + INTERVAL_S - time.monotonic()))
            busy = self._busy()
            try:
                self._tell_changes()
            except Exception:
                _log.exception("the page could not be told about this kernel")
            if busy:
                time.sleep(INTERVAL_S)
            with self._lock:
                if not (busy or self._again):
                    self._follower = None
                    return

    def _busy(self) -> bool:
        workspace = self._loaded()
        return self._runs or (workspace is not None and bool(workspace.jobs.running))

    def _tell_changes(self) -> None:
        from .page_state import figures_of, names_of, tapes_of, turns_of, words_of

        workspace, comm = self._loaded(), self._comm
        turns = turns_of(workspace.in_use() if workspace is not None else None)
        state = {"names": names_of(self._shell), "order": list(turns), **figures_of(workspace)}
        if "words" not in self._told:  # they cost more than the rest, and hardly ever change
            state["words"] = words_of()
        if not self._runs:
            state["tapes"] = tapes_of()
        changed = {n: v for n, v in state.items() if n not in self._told or self._told[n] != v}
        news = {id_: row for id_, row in turns.items() if self._told_turns.get(id_) != row}
        if (changed or news) and comm is not None:
            self._told.update(changed)
            self._told_turns = turns
            self._told_s = time.monotonic()
            comm.send({"version": VERSION, "type": "state", "state": {**changed, "rows": news}})
