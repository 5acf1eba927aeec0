"""The widget of a live panel: one anywidget model for each turn, and what it keeps in the file."""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from ..labels import Labels
from ..saved.assets import asset, panel_style
from ..saved.player import style_and_script
from .handshake import receive_while_a_cell_runs

MAX_OPEN = 20
"""Models that stay open after their turn, so that a page that is reloaded shows them again."""

DRAFT_EVERY_S = 5.0
"""How often the page is sent what the file holds meanwhile; rendering that takes a moment."""

DRAFT_SHARE = 0.05
"""Rendering it takes at most this share of the time, however long the reply has grown."""

DRAFT_CHARS_PER_S = 20_000
"""What is sent of it, at most and on average."""

Bundle = tuple[dict[str, Any], dict[str, Any]]
"""The data of an output, by MIME type, and its metadata."""

_open: deque[PanelWidget] = deque()


class PanelWidget(anywidget.AnyWidget):
    """A live panel; `snapshot` holds everything that a page needs to show it."""

    _esm = "".join(map(asset, ("notebook.js", "document.js", "handover.js", "panel.js")))
    _esm += f"const STYLE = {json.dumps(panel_style())};"

    key = traitlets.Unicode().tag(sync=True)
    """The model's own id."""
    place = traitlets.Unicode().tag(sync=True)
    """The id of the model whose view the output shows: this one, or a row that holds it."""
    inside = traitlets.Unicode().tag(sync=True)
    """The id of the Output widget that shows the output; empty: the cell does."""
    cell = traitlets.Unicode().tag(sync=True)
    """The id of the cell; empty where the page sent none."""
    page = traitlets.Unicode().tag(sync=True)
    """The name of the page that showed it first."""
    kept = traitlets.Bool().tag(sync=True)
    """Whether a page has saved the notebook since; one that is loaded again may lack it if not."""
    snapshot = traitlets.Dict().tag(sync=True)
    labels = traitlets.Dict().tag(sync=True)

    at_close: Callable[[], None] | None = None
    """Called once when the model is closed: no page shows it from then on."""

    def close(self) -> None:
        """Close the model."""
        super().close()
        if self.at_close is not None:
            self.at_close()
            self.at_close = None


def open_widget(
    labels: dict[str, str], snapshot: dict[str, Any], cell: str | None = None
) -> PanelWidget:
    """Open a new model, and close the oldest when too many are open."""
    key = uuid4().hex
    widget = PanelWidget(
        model_id=key,
        key=key,
        place=key,
        inside=_capturing_widget(),
        cell=cell or "",
        labels=labels,
        snapshot=snapshot,
    )
    receive_while_a_cell_runs(widget)
    _open.append(widget)
    while len(_open) > MAX_OPEN:
        old = _open.popleft()
        with contextlib.suppress(Exception):  # a kernel that restarts has no comms left
            old.layout.close()
            old.close()
    return widget


def _capturing_widget() -> str:
    """Return the id of the Output widget that takes what is displayed now; empty without one."""
    import ipywidgets

    every = list(ipywidgets.widgets.widget._instances.values())
    capturing = [one for one in every if isinstance(one, ipywidgets.Output) and one.msg_id]
    return str(capturing[-1].model_id) if capturing else ""


class NotebookCopy:
    """What the page of a panel keeps in the notebook: the text so far, then the page that stays.

    Parameters
    ----------
    widget : PanelWidget
        Whose page it is.
    labels : Labels
        The words of the page that stays.
    """

    def __init__(self, widget: PanelWidget, labels: Labels) -> None:
        self._widget: PanelWidget | None = widget
        self._labels = labels
        self._place = ""
        """What `place` was when the model was closed."""
        self._drafted_at = time.monotonic()
        self._drafted_every_s = 0.0
        self._draft: dict[str, Any] | None = None
        self._page: Bundle | None = None

    @property
    def place(self) -> str:
        """The id of the model whose view the output shows."""
        return str(self._widget.place) if self._widget is not None else self._place

    @place.setter
    def place(self, model_id: str) -> None:
        if self._widget is not None:
            self._widget.place = model_id

    def mark(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return metadata by which the page knows the output, in whatever cell it comes to be."""
        return {"glm_magic": {**metadata.get("glm_magic", {}), "panel": self.place}}

    def draft(self, make: Callable[[], Bundle]) -> None:
        """Send what has arrived so far, if it is time; `make` returns it as a saved output."""
        began = time.monotonic()
        if self._widget is None or began - self._drafted_at < self._drafted_every_s:
            return
        data, metadata = make()
        self._drafted_at = time.monotonic()
        self._drafted_every_s = max(
            DRAFT_EVERY_S,
            (self._drafted_at - began) / DRAFT_SHARE,
            sum(map(len, data.values())) / DRAFT_CHARS_PER_S,
        )
        if data == self._draft:
            return
        self._draft = data
        self._widget.send({"draft": {"data": data, "metadata": self.mark(metadata)}})

    @contextlib.contextmanager
    def ending(self, data: dict[str, Any], metadata: dict[str, Any]) -> Iterator[None]:
        """Send the page that stays, for the outputs that the kernel's own update does not reach.

        Make that update within the block. The page knows of it before, or it would take the new
        output for a copy that is out of date; and it looks for the others after, or it would render
        the same output twice.
        """
        if self._widget is not None:
            self._page = (data, metadata)
            self._send_page()
        yield
        if self._widget is not None:
            self._widget.send({"published": True})

    def give_up(self) -> None:
        """Leave the output to another panel: a page that is loaded again is not sent this one."""
        self._page = None

    def close(self) -> None:
        """Keep nothing for pages: the model is closed."""
        self._place, self._widget = self.place, None
        self._page = self._draft = None

    def page_is_new(self, name: str) -> None:
        """Serve a page that was loaded just now."""
        if self._widget is None:
            return
        self._widget.page = self._widget.page or name
        self._drafted_every_s, self._draft = 0.0, None
        self._send_page()
        self._widget.send({"published": True})

    def _send_page(self) -> None:
        if self._page is None or self._widget is None:
            return
        data, metadata = self._page
        sheet = style_and_script(self._labels)
        self._widget.send({"page": {"data": data, "metadata": metadata, "sheet": sheet}})
