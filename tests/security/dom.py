"""What an HTML text consists of, and whether any of it could be obeyed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from glm_magic.views.labels import ENGLISH
from glm_magic.views.saved.assets import minified_script
from glm_magic.views.saved.page import _COPY as OUR_OWN
from glm_magic.views.saved.player import page_script
from tests.views.turns import turn_of

OUR_SCRIPT = page_script(turn_of(), None, ENGLISH)
"""The script at the end of a page that is complete in itself: the same in each."""

_TEXT = """p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong s del a span b i div
table thead tbody tr th td button sup bdi"""
_ATTRIBUTES = """href target rel class style start dir title role aria-label data-s data-mathml
data-lang open type tabindex align"""
_MATHML = """math mi mn mo mtext mspace mrow mfrac msqrt mroot mstyle mpadded mphantom msub msup
msubsup munder mover munderover mtable mtr mtd"""
_OF_MATHML = """display mathvariant style stretchy form lspace rspace minsize maxsize movablelimits
width height depth voffset linethickness displaystyle scriptlevel mathcolor accent accentunder"""
MATHML_TAGS, MATHML_ATTRIBUTES = frozenset(_MATHML.split()), frozenset(_OF_MATHML.split())
TEXT_TAGS = frozenset(_TEXT.split())
PAGE_TAGS = TEXT_TAGS | {"details", "summary", "style", "mark", "small"}
ATTRIBUTES = frozenset(_ATTRIBUTES.split())


_DRAWS_FORMULAS = re.compile(
    r'<script data-formulas="[\w+/=]*">' + re.escape(minified_script("formulas.js")) + "</script>"
)
"""The one script of ours in a page that is not played."""
_OUTLINE = re.compile(r"#?g[0-9a-f]{5}-\d+")
"""Where our own outline of the reasoning leads."""


class Elements(HTMLParser):
    """Collect the tags, the attributes and the text of a document."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        """Tag, name and value of each."""
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_decl(self, decl: str) -> None:
        self.tags.append(f"!{decl}")

    handle_pi = unknown_decl = handle_comment = handle_decl


def obeyed(source: str, tags: frozenset[str] = TEXT_TAGS) -> list[str]:
    """Return everything in an HTML text that is more than formatted text."""
    source = source.replace(OUR_SCRIPT, "")
    page = Elements(_DRAWS_FORMULAS.sub("", source) if tags >= PAGE_TAGS else source)
    problems = [f"<{tag}>" for tag in page.tags if tag not in tags]
    for tag, name, value in page.attributes:
        if tags >= PAGE_TAGS and _is_ours(name, value):
            continue
        if name not in ATTRIBUTES or not _is_plain(tag, name, value):
            problems.append(f"<{tag} {name}={value!r}>")
    return problems


def obeyed_in_mathml(source: str) -> list[str]:
    """Return everything in the MathML of a formula that is more than a formula."""
    page = Elements(source)
    return [f"<{tag}>" for tag in page.tags if tag not in MATHML_TAGS] + [
        f"<{tag} {name}={value!r}>"
        for tag, name, value in page.attributes
        if name not in MATHML_ATTRIBUTES or not re.fullmatch(r"[\w#:;.%+ -]*", value)
    ]


_DANGEROUS = re.compile(r"url|expression|fixed|absolute|import|@|\\", re.IGNORECASE)


def _is_ours(name: str, value: str) -> bool:
    """Whether an attribute is one that the frame of a saved page has beside those of its text."""
    if name == "style":
        return not _DANGEROUS.search(value)
    if name in ("id", "href"):
        return re.fullmatch(r"#?g[0-9a-f]{5}-\d+", value) is not None
    return (name, value) == ("onclick", OUR_OWN)


def _is_plain(tag: str, name: str, value: str) -> bool:
    if name == "data-lang":
        return re.fullmatch(r"[\w+#.-]+", value) is not None
    if name == "data-mathml":
        return not obeyed_in_mathml(value)
    if name == "href":
        return re.match(r"(https?://|mailto:)[^/\\]", value, re.IGNORECASE) is not None
    if name == "align":
        return tag in ("th", "td") and value == "right"
    if name == "style" and tag in ("th", "td"):
        numeric = "(;font-variant-numeric:tabular-nums)?"
        return re.fullmatch(f"text-align:(left|right|center){numeric}", value) is not None
    return name != "style" or not _DANGEROUS.search(value)
