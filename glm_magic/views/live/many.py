"""The widgets of a call over many rows: its figures, and a button that stops it.

The anywidget's Stop goes over the control channel, or interrupts the kernel, so that it is heard on
every kernel while the cell runs. Plain ipywidgets stand in where a page has no anywidget.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol
from uuid import uuid4

from ..labels import Labels
from ..saved.assets import asset
from .handshake import handshake, receive_while_a_cell_runs


class Figures(Protocol):
    """What shows the figures in the page."""

    def show(self, html: str) -> None:
        """Show newer ones."""

    def bundle(self) -> dict[str, Any]:
        """Return the data of the output that shows it."""

    def is_mute(self) -> bool:
        """Whether the page will never show it."""

    def close(self) -> None:
        """Remove the widgets from the kernel."""


def open_figures(html: str, labels: Labels, on_stop: Callable[[], None]) -> Figures:
    """Return the best widget that this kernel, and what is known of the page, can show.

    Raises
    ------
    ImportError
        ipywidgets is not installed.
    """
    if handshake.is_missing:
        return PlainFigures(html, labels, on_stop)
    try:
        return LiveFigures(html, labels, on_stop)
    except ImportError:  # no anywidget
        return PlainFigures(html, labels, on_stop)


class LiveFigures:
    """An anywidget.

    Parameters
    ----------
    html : str
        The figures.
    labels : Labels
        The words of the button.
    on_stop : callable
        Stops the call, from any thread.
    """

    def __init__(self, html: str, labels: Labels, on_stop: Callable[[], None]) -> None:
        import anywidget
        import traitlets

        class Widget(anywidget.AnyWidget):
            _esm = asset("document.js") + asset("many.js")
            key = traitlets.Unicode().tag(sync=True)
            html = traitlets.Unicode().tag(sync=True)
            labels = traitlets.Dict().tag(sync=True)
            stopping = traitlets.Bool().tag(sync=True)

        key = uuid4().hex
        words = {
            "stop": labels.stop, "stop_title": labels.many_stop_title, "stopping": labels.stopping,
        }  # fmt: skip
        self._on_stop = on_stop
        self._widget = Widget(model_id=key, key=key, html=html, labels=words)
        receive_while_a_cell_runs(self._widget)
        self._widget.on_msg(self._receive)
        self._began_s = time.monotonic()
        handshake.shown()

    def _receive(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        handshake.acknowledged()
        if content.get("type") == "stop" and not self._widget.stopping:
            self._widget.stopping = True  # the page waits for this before it interrupts the kernel
            self._on_stop()

    def show(self, html: str) -> None:
        """Show newer figures."""
        self._widget.html = html

    def bundle(self) -> dict[str, Any]:
        """Return the data of the output that shows it."""
        data, _ = self._widget._repr_mimebundle_() or ({}, {})
        return dict(data)

    def is_mute(self) -> bool:
        """Whether the page has no anywidget."""
        return handshake.timed_out(time.monotonic() - self._began_s)

    def close(self) -> None:
        """Remove the widget from the kernel."""
        self._widget.layout.close()
        self._widget.close()


class PlainFigures:
    """The widgets that come with ipywidgets.

    Parameters
    ----------
    html, labels, on_stop
        As for `LiveFigures`.
    """

    def __init__(self, html: str, labels: Labels, on_stop: Callable[[], None]) -> None:
        from ipywidgets import HTML, Button, Layout, VBox

        def stop(button: Any) -> None:
            button.disabled, button.description = True, labels.stopping
            on_stop()

        self._page = HTML(html, layout=Layout(width="100%", margin="0"))
        button = Button(
            description=labels.stop,
            tooltip=labels.many_stop_title,
            layout=Layout(width="auto", align_self="flex-end"),
        )
        button.add_class("glm-mstop")
        receive_while_a_cell_runs(button)
        button.on_click(stop)
        self._box = VBox([button, self._page], layout=Layout(width="100%"))

    def show(self, html: str) -> None:
        """Show newer figures."""
        self._page.value = html

    def bundle(self) -> dict[str, Any]:
        """Return the data of the output that shows it."""
        return dict(self._box._repr_mimebundle_())

    def is_mute(self) -> bool:
        """Return False: there is nothing else to show."""
        return False

    def close(self) -> None:
        """Remove the widgets from the kernel."""
        for widget in (*self._box.children, self._box):
            widget.layout.close()
            widget.close()
