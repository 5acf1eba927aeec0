"""The style sheets, read from the package and made small.

One output of a notebook carries the whole sheet and the others none: a page applies it to all of
them. Where that is not so, or not known, each output carries the sections that it needs itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

_SECTION = re.compile(r"/\* where (\S+) \*/")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"\s+")
_AROUND = re.compile(r" ?([{};,>]) ?|(:) ")


Place = tuple[str, int]
"""A cell's id and the ordinal of an output in it."""


class _Sheet:
    """Which output carries the sheet; ``None``: the next one will."""

    carrier: Place | None = None


def style_of(place: Place | None, body: str) -> str:
    """Return the style that one saved output carries.

    Parameters
    ----------
    place : tuple, optional
        Where the output stands; ``None`` makes it complete in itself.
    body : str
        Its HTML, for the elements that it has.
    """
    if place is None:
        return page_style(body)
    _Sheet.carrier = _Sheet.carrier or place
    return "".join(css for _, css in _sections()) if place == _Sheet.carrier else ""


def carries(place: Place) -> bool:
    """Whether that output is the one that carries what all share."""
    return place == _Sheet.carrier


def cell_begins(cell: str | None) -> None:
    """Know that a cell's earlier outputs are gone, the sheet maybe with them."""
    if _Sheet.carrier is not None and _Sheet.carrier[0] == cell:
        _Sheet.carrier = None


def page_style(body: str) -> str:
    """Return the style that a saved page needs: the sections whose elements it has."""
    return "".join(css for needed, css in _sections() if needed in body)


@lru_cache(maxsize=1)
def _sections() -> list[tuple[str, str]]:
    """Return the parts of the page's style sheet, and the text that calls for each."""
    first, *rest = _SECTION.split(asset("page.css"))
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return [("", _small(first)), *((needed, _small(css)) for needed, css in pairs)]


@lru_cache(maxsize=1)
def panel_style() -> str:
    """Return the style of the live panel: all of the page's and its own."""
    return _small(asset("page.css")) + _small(asset("panel.css"))


@lru_cache(maxsize=8)
def small_asset(name: str) -> str:
    """Return a style sheet of the package, made small."""
    return _small(asset(name))


def _small(source: str) -> str:
    """Return a style sheet without comments and needless space."""
    text = _SPACE.sub(" ", _COMMENT.sub("", source)).strip()
    text = _AROUND.sub(lambda found: str(found[1] or found[2]), text)
    return text.replace(";}", "}").replace(" !important", "!important")


def asset(name: str) -> str:
    """Return a text file of the package."""
    return resources.files("glm_magic.views").joinpath("static", name).read_text(encoding="utf-8")
