"""What a page with the front end is told about this kernel: its session, its figures, its names.

The kernel keeps a comm and announces it to nobody: a page asks for comms of this name, and greets
the one that there is. Pages without the front end, and programs, hear nothing of it. A page that
greeted gets the whole state, and from then on what changed, at most four times a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .cells import user_names

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.turn import Turn
    from .workspace import Workspace

TARGET = "glm_magic"
VERSION = 1
INTERVAL_S = 0.25
"""Between two messages, at least."""
MOST_NAMES = 2000
"""Of a namespace with more, none are sent: a page marks no name as unknown then."""

_log = logging.getLogger(__name__)

State = Mapping[str, Any]


class PageLink:
    """The kernel's end of the comm; `comm_id` and the handlers are what ipykernel asks of one.

    Parameters
    ----------
    shell : InteractiveShell
        Whose names are told.
    workspace : callable
        Returns the workspace, or ``None`` as long as nothing needed one.
    """

    target_name = TARGET
    comm_id = TARGET

    def __init__(self, shell: InteractiveShell, workspace: Callable[[], Workspace | None]) -> None:
        self._shell, self._workspace = shell, workspace
        self._comm: Any = None
        """What sends; ``None`` until a page greets."""
        self._lock = threading.Lock()
        self._follower: threading.Thread | None = None
        self._runs = False
        """Whether a cell runs."""
        self._told: dict[str, Any] = {}
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
        """Take a page's message: a greeting, of a version that this kernel speaks."""
        data = message.get("content", {}).get("data", {})
        if not isinstance(data, Mapping) or data.get("type") != "hello":
            return
        if self._comm is None:
            from comm import create_comm

            self._comm = create_comm(target_name=TARGET, comm_id=TARGET, primary=False)
        self._told = {}  # the page is new, and knows nothing
        self._follow()

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
            if self._comm is None or self._follower is not None:
                return
            self._follower = threading.Thread(target=self._tell, name="glm-page", daemon=True)
            self._follower.start()

    def _tell(self) -> None:
        while True:
            time.sleep(max(0.0, self._told_s + INTERVAL_S - time.monotonic()))
            with self._lock:
                # Whoever starts something from here on starts a thread for it.
                busy = self._busy()
                if not busy:
                    self._follower = None
            try:
                self._tell_changes()
            except Exception:
                _log.exception("the page could not be told about this kernel")
            if not busy:
                return
            time.sleep(INTERVAL_S)

    def _busy(self) -> bool:
        workspace = self._workspace()
        return self._runs or (workspace is not None and any(not j.done for j in workspace.jobs))

    def _tell_changes(self) -> None:
        state = {**_names(self._shell), **state_of(self._workspace())}
        changed = {name: value for name, value in state.items() if self._told.get(name) != value}
        comm = self._comm
        if changed and comm is not None:
            self._told.update(changed)
            self._told_s = time.monotonic()
            comm.send({"version": VERSION, "type": "state", "state": changed})


def _names(shell: InteractiveShell) -> dict[str, Any]:
    names = user_names(shell)
    return {"names": names} if len(names) <= MOST_NAMES else {}


def state_of(workspace: Workspace | None) -> State:
    """Return what a page shows of a kernel: sums over every call, as ``%glm usage`` has them.

    Parameters
    ----------
    workspace : Workspace or None
        ``None`` where nothing was asked yet.
    """
    conversation = workspace.in_use() if workspace is not None else None
    if workspace is None or conversation is None:
        return {"turns": 0}
    from ..session.ledger import Total

    turns = conversation.turns
    total = Total.of(entry for session in workspace.sessions for entry in session.entries)
    return {
        "session": workspace.session_name,
        "turns": len(turns),
        "input": total.usage.input or 0,
        "output": total.usage.output or 0,
        "estimated": total.estimated,
        "cost": str(total.cost.to_text()) if total.calls else "",
        "jobs": sum(not job.done for job in workspace.jobs),
        **_last(workspace, turns),
    }


def _last(workspace: Workspace, turns: Sequence[Turn]) -> dict[str, Any]:
    """Return who answered last, and how much of its context the next turn would begin with."""
    if not turns:
        return {}
    from ..engine.checks import input_limit

    turn = turns[-1]
    offer = workspace.catalogue.offers.get((turn.provider, turn.model))
    limit = input_limit(offer, {}) if offer is not None else None
    usage = next(
        (s.usage or s.estimate for s in reversed(turn.steps) if s.usage or s.estimate), None
    )
    used = 0
    if usage is not None:
        used = (usage.input or 0) + (usage.output or 0) - (usage.reasoning or 0)
    return {"model": turn.model, "provider": turn.provider, "used": used, "limit": limit or 0}
