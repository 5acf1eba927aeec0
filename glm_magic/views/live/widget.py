"""The widget behind a live panel: one anywidget model for each turn."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from ..saved.assets import asset, panel_style
from .handshake import receive_while_a_cell_runs

KEPT_OPEN = 20
"""Models that stay open after their turn, so that a page reloaded meanwhile shows them again."""

_open: deque[PanelWidget] = deque()


class PanelWidget(anywidget.AnyWidget):
    """A live panel; `snapshot` holds all that a page needs to show it from nothing."""

    _esm = asset("panel.js")
    _css = panel_style()

    key = traitlets.Unicode().tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)
    labels = traitlets.Dict().tag(sync=True)


def open_widget(labels: dict[str, str], snapshot: dict[str, Any]) -> PanelWidget:
    """Return a new model, and close the oldest when there are too many."""
    widget = PanelWidget(key=uuid4().hex, labels=labels, snapshot=snapshot)
    receive_while_a_cell_runs(widget)
    _open.append(widget)
    while len(_open) > KEPT_OPEN:
        old = _open.popleft()
        with contextlib.suppress(Exception):  # a kernel that restarts has no comms left
            old.layout.close()
            old.close()
    return widget
