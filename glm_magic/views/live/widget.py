"""The widget of a live panel: one anywidget model for each turn."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from ..saved.assets import asset, panel_style
from .handshake import receive_while_a_cell_runs

MAX_OPEN = 20
"""Models that stay open after their turn, so that a page that is reloaded shows them again."""

_open: deque[PanelWidget] = deque()


class PanelWidget(anywidget.AnyWidget):
    """A live panel; `snapshot` holds everything that a page needs to show it."""

    _esm = asset("panel.js")
    _css = panel_style()

    key = traitlets.Unicode().tag(sync=True)
    """The model's own id."""
    snapshot = traitlets.Dict().tag(sync=True)
    labels = traitlets.Dict().tag(sync=True)


def open_widget(labels: dict[str, str], snapshot: dict[str, Any]) -> PanelWidget:
    """Open a new model, and close the oldest when too many are open."""
    key = uuid4().hex
    widget = PanelWidget(model_id=key, key=key, labels=labels, snapshot=snapshot)
    receive_while_a_cell_runs(widget)
    _open.append(widget)
    while len(_open) > MAX_OPEN:
        old = _open.popleft()
        with contextlib.suppress(Exception):  # a kernel that restarts has no comms left
            old.layout.close()
            old.close()
    return widget
