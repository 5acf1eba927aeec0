"""What Tab can offer in place of a value: models, sessions, names, files.

Each function takes the workspace, and nothing is evaluated or asked for: no property of a user's
object is read, and no key is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.thinking import EFFORT_LEVELS
from ...engine.compare import AXES
from ...engine.options import Completes
from ..cells import user_names

if TYPE_CHECKING:
    from ..workspace import Workspace

TAPE = ".glmtape"


def models(workspace: Workspace) -> list[str]:
    """Return every model and alias, and each ``provider/model`` that is served today."""
    catalogue = workspace.catalogue
    return [
        *catalogue.model_names(),
        *workspace.aliases,
        *(
            f"{provider}/{model}"
            for (provider, model), o in catalogue.offers.items()
            if o.is_served
        ),
    ]


def providers(workspace: Workspace) -> list[str]:
    """Return the providers of the catalogue."""
    return list(workspace.catalogue.providers)


def sessions(workspace: Workspace) -> list[str]:
    """Return the sessions of this kernel, and those on disk."""
    return workspace.sessions.all_names


def variables(workspace: Workspace) -> list[str]:
    """Return the user's own names, without those that IPython put there."""
    return user_names(workspace.shell)


def functions(workspace: Workspace) -> list[str]:
    """Return the names of the user's functions."""
    names = workspace.shell.user_ns
    return [
        n for n in variables(workspace) if callable(names[n]) and not isinstance(names[n], type)
    ]


def servers(_: Workspace) -> list[str]:
    """Return the MCP servers that were added."""
    from ...tools.mcp_registry import mcp_servers

    return [server.name for server in mcp_servers()]


def tapes(_: Workspace) -> list[str]:
    """Return the tapes of the folder."""
    return files(TAPE)


def parameters(workspace: Workspace) -> list[str]:
    """Return the parameters that some provider documents and no option of the line sets."""
    names = {name for info in workspace.catalogue.providers.values() for name in info.parameters}
    return [f"{name}=" for name in sorted(names)]


def speeds(_: Workspace) -> list[str]:
    """Return speeds of a replay."""
    return ["1", "2", "max"]


def at_files(_: Workspace, typed: str = "@") -> list[str]:
    """Return the files, and the folders, that ``@`` and the beginning of a path can stand for."""
    return [f"@{path}" for path in paths(typed.removeprefix("@"))]


def any_files(_: Workspace) -> list[str]:
    """Return the files, and the folders, of the folder."""
    return paths("")


def paths(typed: str) -> list[str]:
    """Return the files, and the folders, that the beginning of a path can stand for."""
    folder = typed.rpartition("/")
    start = "".join(folder[:2])
    try:
        inside = sorted(Path(start or ".").expanduser().iterdir())
    except (OSError, RuntimeError):
        return []
    shown = (path for path in inside if not path.name.startswith("."))
    names = (f"{path.name}/" if path.is_dir() else path.name for path in shown)
    return [f"{start}{name}".replace(" ", "\\ ") for name in names]


def files(*endings: str) -> list[str]:
    """Return the files of the folder with one of some endings."""
    try:
        return sorted(path.name for path in Path().iterdir() if path.suffix in endings)
    except OSError:  # the folder is gone, or nobody may look into it
        return []


def numbers(count: int) -> list[str]:
    """Return the numbers from 1 to `count`."""
    return [str(number) for number in range(1, count + 1)]


VALUES: Mapping[Completes, Callable[[Workspace], list[str]]] = {
    "model": models,
    "provider": providers,
    "session": sessions,
    "name": variables,
    "function": functions,
    "server": servers,
    "tape": tapes,
    "parameter": parameters,
    "speed": speeds,
    "@file": at_files,
    "file": any_files,
}
"""What an option's row says it `completes` -> what is offered."""


def axes(workspace: Workspace, typed: str) -> list[str]:
    """Return what can be compared, or the values of an axis behind those that were typed."""
    axis, equals, values = typed.partition("=")
    if not equals:
        return [f"{name}=" for name in AXES]
    choices = {
        "think": ["on", "off", *EFFORT_LEVELS],
        "model": workspace.catalogue.model_names(),
        "provider": providers(workspace),
    }
    given = values.split(",")[:-1]
    left = [word for word in choices.get(axis, []) if word not in given]
    return [f"{axis}={','.join([*given, word])}" for word in left]
