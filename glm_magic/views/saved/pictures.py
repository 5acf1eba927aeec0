"""What a prompt showed, or a function returned: small pictures with their names.

They are part of the page, as ``data:`` addresses; nothing is ever fetched. The whole picture is not
in the file: the kernel has it, as long as it runs, and the panel asks for it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from ...core.attachments import MOST_THUMBNAIL_BYTES, Attachment
from ...core.i18n import translate
from ..header import describe
from ..labels import Labels
from ..markup.escape import escape_attribute, escape_html

MOST_SHOWN = 12
"""Pictures that are shown; of more, the names would fill the panel as well."""

_LINE = "1px solid rgba(128,128,128,.35)"
_STRIP = "display:flex;flex-wrap:wrap;gap:.7em 1em;padding:.6em 1em;font-size:.86em"
_FIGURE = "margin:0;max-width:16em"
_IMAGE = "display:block;max-width:16em;max-height:8em;border-radius:4px"
_BUTTON = "padding:0;border:0;background:none"
_SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def pictures_html(attachments: Sequence[Attachment], labels: Labels, *, line: bool = True) -> str:
    """Return pictures and files side by side; empty where there is none.

    Parameters
    ----------
    attachments : sequence of Attachment
        What the model was shown.
    labels : Labels
        The words of the page.
    line : bool
        Whether a line ends the strip.
    """
    if not attachments:
        return ""
    figures = "".join(_figure(one, labels) for one in attachments[:MOST_SHOWN])
    left = len(attachments) - MOST_SHOWN
    more = f"<span>{labels.shown_more.format(count=left)}</span>" if left > 0 else ""
    border = f";border-bottom:{_LINE}" if line else ""
    return f'<div class="glm-pics" style="{_STRIP}{border}">{figures}{more}</div>\n'


def _figure(attachment: Attachment, labels: Labels) -> str:
    name = translate(attachment.name, labels.language)
    about = describe(attachment, labels)
    caption = f"<b>{escape_html(name)}</b><br>{escape_html(about)}"
    source = _source(attachment.thumbnail)
    image = ""
    if source:
        alt = escape_attribute(f"{name}, {about}")
        title, hash_ = escape_attribute(labels.look), escape_attribute(attachment.hash)
        image = (
            f'<button type="button" class="glm-pic" data-picture="{hash_}"'
            f' title="{title}" style="{_BUTTON}">'
            f'<img src="{source}" alt="{alt}" style="{_IMAGE}"></button>'
        )
    return f'<figure style="{_FIGURE}">{image}<figcaption>{caption}</figcaption></figure>'


def _source(thumbnail: bytes) -> str:
    """Return a thumbnail as an address; empty for what is none, as an edited file may hold."""
    media_type = next(
        (kind for mark, kind in _SIGNATURES.items() if thumbnail.startswith(mark)), ""
    )
    if not media_type or len(thumbnail) > MOST_THUMBNAIL_BYTES:
        return ""
    return f"data:{media_type};base64,{base64.b64encode(thumbnail).decode()}"
