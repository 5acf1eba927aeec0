"""The pictures that cells have shown, so that ``{Out[5]}`` can be one.

A cell that draws has no value of its own, or its value is what it drew last: an axis, lines. What
it showed goes to the page and is kept nowhere in the kernel, so it is noted here on its way: of
each of the last cells, the last picture.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..pictures.values import ShownPicture

MOST_CELLS = 50
"""Cells whose picture is kept; a figure has some 50 kB."""
_KINDS = ("image/png", "image/jpeg")


class CellPictures:
    """The last picture of each cell that showed any, by the cell's number."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell
        self._contents: dict[int, str | bytes] = {}

    def install(self) -> None:
        """Note from here on what is shown; a terminal shows no pictures."""
        register = getattr(self._shell.display_pub, "register_hook", None)
        if register is not None:
            register(self._note)

    def uninstall(self) -> None:
        """Note nothing any more."""
        unregister = getattr(self._shell.display_pub, "unregister_hook", None)
        if unregister is not None:
            unregister(self._note)

    def get(self, number: int) -> ShownPicture | None:
        """Return the last picture of a cell; ``None`` where it showed none."""
        from ..pictures.values import ShownPicture

        content = self._contents.get(number)
        if content is None:
            return None
        return ShownPicture(content if isinstance(content, bytes) else b64decode(content))

    def _note(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Remember what a message to the page shows; a hook of ipykernel's display publisher."""
        data = message["content"].get("data") or {}
        content = next((data[kind] for kind in _KINDS if data.get(kind)), None)
        if message["header"]["msg_type"] == "display_data" and content:
            self._contents.pop(self._number, None)
            self._contents[self._number] = content
            while len(self._contents) > MOST_CELLS:
                del self._contents[next(iter(self._contents))]
        return message

    @property
    def _number(self) -> int:
        """The number of the cell that runs; it has ended when its open figures are drawn."""
        has_ended = getattr(self._shell.display_pub, "_in_post_execute", False)
        return int(self._shell.execution_count) - bool(has_ended)


class Outputs(dict[int, Any]):
    """The cells' values by number, and the picture that a cell has shown in place of one."""

    def __init__(self, values: Mapping[int, Any], pictures: CellPictures) -> None:
        super().__init__(values)
        self._pictures = pictures

    def __getitem__(self, number: int) -> Any:
        if number not in self or _is_drawn(self.get(number)):
            picture = self._pictures.get(number)
            if picture is not None:
                return picture
        return super().__getitem__(number)


def _is_drawn(value: Any, depth: int = 2) -> bool:
    """Whether a value is a part of a matplotlib figure, or a collection with such parts."""
    if isinstance(value, list | tuple) and depth:
        return any(_is_drawn(part, depth - 1) for part in value)
    return any(kind.__module__ == "matplotlib.artist" for kind in type(value).__mro__)
