"""The style sheets and scripts of the package, and which saved output carries them.

**One style sheet for each notebook.** A page applies a style sheet to all its outputs, so the first
saved output of a notebook carries it, and the player's script, and the others carry neither. When
that output is removed, the page gives both to the next one (`player.style_and_script`). Each output
has the skeleton of its look inline, for pages that drop style sheets. An output whose position is
not known (in Colab, in an unknown host, a reply that is displayed by itself) is complete: it
carries the sections of the style sheet that it needs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from ..frontend import cell_started
from ..options import Position

WHOLE_MARK = ".glm-all{}"
"""An empty rule at the head of the style sheet that serves all outputs (`notebook.js`)."""

_SECTION = re.compile(r"/\* where (\S+) \*/")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"\s+")
_AROUND = re.compile(r" ?([{};,>]) ?|(:) ")
_SCRIPT_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_INDENT = re.compile(r"\n\s*")


class StylesheetOwner:
    """Which saved output carries the style sheet and the player for all outputs of a notebook."""

    def __init__(self) -> None:
        self.position: Position | None = None
        """Where it is; ``None``: the next output becomes the owner."""

    def is_at(self, position: Position) -> bool:
        """Whether the output at a position is the owner, which it becomes if there is none."""
        self.position = self.position or position
        return position == self.position

    def cell_started(self, cell: str | None) -> None:
        """Forget an owner whose cell runs again: its earlier outputs are gone."""
        if self.position is not None and self.position[0] == cell:
            self.position = None


stylesheet_owner = StylesheetOwner()
"""The one of this kernel."""

cell_started.append(stylesheet_owner.cell_started)


def style_of(position: Position | None, body: str) -> str:
    """Return the style that one saved output carries.

    Parameters
    ----------
    position : tuple, optional
        Where the output is; ``None`` makes it complete in itself.
    body : str
        Its HTML, whose elements decide which sections a complete output carries.
    """
    if position is None:
        return page_style(body)
    return whole_style() if stylesheet_owner.is_at(position) else ""


def whole_style() -> str:
    """Return the style for all outputs of a notebook, marked so that the page knows it again."""
    return WHOLE_MARK + "".join(css for _, css in _sections())


def page_style(body: str) -> str:
    """Return the sections of the page's style sheet whose elements are in `body`."""
    return "".join(css for element, css in _sections() if element in body)


@lru_cache(maxsize=1)
def _sections() -> list[tuple[str, str]]:
    """Return the sections of the page's style sheet, each after the text that calls for it."""
    first, *rest = _SECTION.split(asset("page.css"))
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return [("", _minified(first)), *((element, _minified(css)) for element, css in pairs)]


@lru_cache(maxsize=1)
def panel_style() -> str:
    """Return the style of the live panel: the page's, and what only the panel has."""
    return whole_style() + minified_asset("tools.css") + minified_asset("panel.css")


@lru_cache(maxsize=8)
def minified_asset(name: str) -> str:
    """Return a style sheet of the package without comments and needless space."""
    return _minified(asset(name))


@lru_cache(maxsize=4)
def minified_script(name: str) -> str:
    """Return a script of the package without comments and indents."""
    return _INDENT.sub("\n", _SCRIPT_COMMENT.sub("", asset(name))).strip() + "\n"


def _minified(source: str) -> str:
    text = _SPACE.sub(" ", _COMMENT.sub("", source)).strip()
    text = _AROUND.sub(lambda match: str(match[1] or match[2]), text)
    return text.replace(";}", "}").replace(" !important", "!important")


def asset(name: str) -> str:
    """Return a text file of the package."""
    return resources.files("glm_magic.views").joinpath("static", name).read_text(encoding="utf-8")
