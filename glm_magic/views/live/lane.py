"""A live panel that stands in a row with others, and leaves the publishing to that row."""

from __future__ import annotations

from typing import Any

from ...core.turn import Turn
from .panel import PanelView


class LanePanel(PanelView):
    """One lane of a comparison."""

    @property
    def widget(self) -> Any:
        """The widget, once the lane has started."""
        return self._widget

    def follow(self, turn: Turn) -> None:
        """Send what has changed; a lane that has ended while others go on is shown whole, once."""
        if turn.status == "streaming":
            self.paint(turn)
        elif not self._ended:
            self._ended = True
            self.finish(turn)
            self._send_whole(turn)

    _ended = False

    def _publish(
        self, data: dict[str, Any], metadata: dict[str, Any], update: bool = False
    ) -> None:
        """Leave it to the row."""
