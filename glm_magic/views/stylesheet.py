"""The style sheets, read from the package and made small."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

_SECTION = re.compile(r"/\* where (\S+) \*/")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"\s+")
_AROUND = re.compile(r" ?([{};,>]) ?|(:) ")


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


def _small(source: str) -> str:
    """Return a style sheet without comments and needless space."""
    text = _SPACE.sub(" ", _COMMENT.sub("", source)).strip()
    text = _AROUND.sub(lambda found: str(found[1] or found[2]), text)
    return text.replace(";}", "}").replace(" !important", "!important")


def asset(name: str) -> str:
    """Return a text file of the package."""
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
