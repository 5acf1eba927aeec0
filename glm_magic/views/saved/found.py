"""Pages that a provider's own web search found, as links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

from ...core.messages import WebLink
from ...core.text import harmless
from ..markup.links import SAFE_LINK
from ..markup.safe import attribute, text_html

MAX_LINKS = 50
_LIST = "margin:0 0 10px;padding-left:20px;font-size:13px"


def links_html(links: Sequence[WebLink]) -> str:
    """Return pages as a list of links, each with its host; empty where there are none."""
    items = "".join(f"<li>{_item(link)}</li>" for link in _safe(links))
    return f'<ol class="glm-w" style="{_LIST}">{items}</ol>\n' if items else ""


def _item(link: WebLink) -> str:
    label, about = text_html(harmless(link.title) or link.url), text_html(_about(link))
    target = f'href="{attribute(link.url)}" target="_blank" rel="noopener noreferrer"'
    # the host stands beside the title, which is the page's own and may say anything
    return f"<a {target}>{label}</a> <small>{about}</small>"


def link_lines(links: Sequence[WebLink]) -> Iterator[str]:
    """Yield pages as lines of plain text."""
    for number, link in enumerate(_safe(links), 1):
        yield f"[{number}] {link.title} {link.url}".replace("  ", " ")


def links_markdown(links: Sequence[WebLink]) -> str:
    """Return pages as a list of Markdown links."""
    return "\n".join(
        f"{number}. [{_label(link)}](<{quote(link.url, safe=_IN_URLS)}>) {_escaped(_about(link))}"
        for number, link in enumerate(_safe(links), 1)
    )


_IN_URLS = ":/?#[]@!$&'()*+,;=%~-._"


def _label(link: WebLink) -> str:
    return _escaped(" ".join(harmless(link.title or link.url).split()))


def _escaped(text: str) -> str:
    """Keep the words of a page from being read as Markdown."""
    text = text_html(harmless(text))
    return "".join(f"\\{c}" if c in "\\[]`*_~" else c for c in text)


def _safe(links: Sequence[WebLink]) -> list[WebLink]:
    return [link for link in links if SAFE_LINK.match(link.url)][:MAX_LINKS]


def _about(link: WebLink) -> str:
    try:
        host = urlsplit(link.url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    parts = (host, harmless(link.site), harmless(link.date))
    return " · ".join(" ".join(part.split()) for part in parts if part.strip())
