"""The function of each verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..display import Displayable
from ..workspace import Workspace
from . import errors, mcp, models, sessions, status, tapes, turns, usage

Command = Callable[[Workspace, Sequence[str]], Displayable | None]
"""What a verb does; ``None`` where it has shown all there is itself."""

COMMANDS: dict[str, Command] = {
    "models": models.models,
    "use": models.use,
    "sessions": sessions.sessions,
    "new": sessions.new,
    "fork": sessions.fork,
    "undo": sessions.undo,
    "reset": sessions.reset,
    "retry": turns.retry,
    "drop": turns.drop,
    "hide": turns.hide,
    "pin": turns.pin,
    "choose": turns.choose,
    "show": turns.show,
    "resume": sessions.resume,
    "save": sessions.save,
    "load": sessions.load,
    "forget": sessions.forget,
    "context": turns.context,
    "usage": usage.usage,
    "budget": usage.budget,
    "fix": errors.fix,
    "explain": errors.explain,
    "alias": models.alias,
    "dealias": models.dealias,
    "preserve": turns.preserve,
    "wire": turns.wire,
    "mcp": mcp.mcp,
    "jobs": status.jobs,
    "stop": status.stop,
    "record": tapes.record,
    "replay": tapes.replay,
    "tape": tapes.tape,
    "config": status.config,
    "help": status.help_,
    "version": status.version,
}
