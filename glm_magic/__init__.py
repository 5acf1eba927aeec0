"""glm_magic: talk to GLM reasoning models inside a notebook.

``%load_ext glm_magic`` gives the magics ``%%glm`` and ``%glm``; the same is there for programs::

    import glm_magic as glm
    reply = glm.ask("why is the sky blue?")

Public names are loaded when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .api import (
        AsyncStream,
        Comparison,
        Reply,
        Stream,
        aask,
        ask,
        astream,
        compare,
        enable_nested_asyncio,
        stream,
    )
    from .core.errors import GlmError
    from .core.events import (
        ContentDelta,
        ContentWasReasoning,
        Finish,
        ReasoningDelta,
        Started,
        StreamError,
        ToolCallDelta,
        UsageReport,
    )
    from .core.turn import Notice, Turn
    from .core.usage import Usage
    from .engine.tapes import record, replay
    from .magic.extension import load_ipython_extension, unload_ipython_extension
    from .session.session import Session
    from .tools.mcp_registry import add_mcp, remove_mcp

_HOMES = {
    "api": (
        "AsyncStream",
        "Comparison",
        "Reply",
        "Stream",
        "aask",
        "ask",
        "astream",
        "compare",
        "enable_nested_asyncio",
        "stream",
    ),
    "core.errors": ("GlmError",),
    "core.events": (
        "ContentDelta",
        "ContentWasReasoning",
        "Finish",
        "Notice",
        "ReasoningDelta",
        "Started",
        "StreamError",
        "ToolCallDelta",
        "UsageReport",
    ),
    "core.turn": ("Turn",),
    "core.usage": ("Usage",),
    "engine.planning.tapes": ("record", "replay"),
    "magic.extension": ("load_ipython_extension", "unload_ipython_extension"),
    "session.session": ("Session",),
    "tools.servers": ("add_mcp", "remove_mcp"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022  the order in which people meet them
    "ask",
    "aask",
    "stream",
    "astream",
    "compare",
    "Session",
    "record",
    "replay",
    "add_mcp",
    "remove_mcp",
    "Reply",
    "Stream",
    "AsyncStream",
    "Comparison",
    "Turn",
    "Usage",
    "GlmError",
    "Started",
    "ReasoningDelta",
    "ContentDelta",
    "ContentWasReasoning",
    "ToolCallDelta",
    "UsageReport",
    "Notice",
    "Finish",
    "StreamError",
    "enable_nested_asyncio",
    "load_ipython_extension",
    "unload_ipython_extension",
    "__version__",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    if name == "Session" and "IPython" in sys.modules:
        # in a notebook a session follows the cells, also where the extension is not loaded
        import_module(".magic.host", __name__).follow_cells()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
