"""Which view suits the front end."""

from __future__ import annotations

import sys
from typing import Any

from .frontend import Frontend, frontend_of, is_captured
from .options import ViewOptions, Where
from .play import View
from .publish import NullView, PlainView

_VIEW_OF_FRONTEND: dict[Frontend, Where] = {
    "page": "panel",
    "executor": "page",
    "program": "page",
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
        What the user chose; `ViewOptions.where` overrides the front end.
    """
    if options.quiet:
        return NullView()
    where = where_for(shell, options)
    if where == "panel":
        return _panel(options)
    if where == "page":
        return PlainView(options)
    # While a turn runs in the background, the user types in the terminal.
    return NullView() if options.background else _terminal(options)


def where_for(shell: Any, options: ViewOptions) -> Where:
    """Return the kind of view that the user chose, or else the one that suits the front end."""
    if options.where != "auto":
        return options.where
    where = _VIEW_OF_FRONTEND[frontend_of(shell)]
    return "page" if where == "panel" and is_captured(shell) else where


def _terminal(options: ViewOptions) -> View:
    """Return the Markdown view where it is asked for, rich is installed and colour is allowed."""
    from .terminal import TerminalView, has_colour

    if options.format == "markdown" and has_colour(sys.stdout):
        try:
            from .rich_terminal import RichTerminalView
        except ImportError:
            return TerminalView(options)
        return RichTerminalView(options)
    return TerminalView(options)


def _panel(options: ViewOptions) -> View:
    """Return the live panel, or the best that a page without its front end can show."""
    from .live.handshake import handshake

    try:
        if handshake.is_missing:
            from .live.fallback import FallbackView

            return FallbackView(options)
        from .live.panel import PanelView
    except ImportError:  # no ipywidgets here
        return PlainView(options)
    return PanelView(options)
