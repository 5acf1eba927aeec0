"""Which view suits the host."""

from __future__ import annotations

import sys
from typing import Any

from .display import NullView
from .frontend import Frontend, frontend_of
from .options import ViewOptions, Where
from .play import View

_VIEW_OF_HOST: dict[Frontend, Where] = {
    "page": "panel",
    "executor": "page",
    "console": "terminal",
    "terminal": "terminal",
    "script": "terminal",
}


def view_for(shell: Any, options: ViewOptions) -> View:
    """Return the view for one turn.

    Parameters
    ----------
    shell : InteractiveShell or None
        What ``get_ipython()`` returns.
    options : ViewOptions
        What the user chose; `ViewOptions.where` overrides the host.
    """
    if options.quiet:
        return NullView()
    where = where_for(shell, options)
    if where == "panel":
        return _panel(options)
    if where == "page":
        from .display import PlainView

        return PlainView(options)
    # A terminal belongs to whoever types there while a turn runs in the background.
    return NullView() if options.background else _terminal(options)


def where_for(shell: Any, options: ViewOptions) -> Where:
    """Return the kind of view that suits the host, unless the user chose one."""
    return options.where if options.where != "auto" else _VIEW_OF_HOST[frontend_of(shell)]


def _terminal(options: ViewOptions) -> View:
    """Return plain text, or Markdown where it was asked for, rich is there and colour allowed."""
    from .terminal import TerminalView, has_colour

    if options.format == "markdown" and has_colour(sys.stdout):
        try:
            from .rich_terminal import RichTerminalView
        except ImportError:
            return TerminalView(options)
        return RichTerminalView(options)
    return TerminalView(options)


def _panel(options: ViewOptions) -> View:
    """Return the live panel, or what a page without its front end can show."""
    from .live.handshake import handshake

    try:
        if handshake.is_missing:
            from .live.fallback import FallbackView

            return FallbackView(options)
        from .live.panel import PanelView
    except ImportError:
        from .display import PlainView

        return PlainView(options)
    return PanelView(options)
