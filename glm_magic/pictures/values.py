"""What may stand in braces or be attached -> an `Attachment`.

Libraries are recognised by the names of their classes, so that none is loaded for a value that is
not theirs.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

from ..core.attachments import (
    LONGEST_SIDE,
    MOST_BYTES,
    MOST_FILE_BYTES,
    Attachment,
    hash_of,
    read_address,
)
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.paths import read_regular
from .arrays import convert_array, is_a, is_array, is_picture
from .headers import is_known, read_header
from .pillow import Converted, broken, check, convert_bytes, convert_image, is_installed

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp"),
    *(".tif", ".tiff", ".ppm", ".ico", ".avif", ".tga"),
)
"""Names of files that are pictures."""
SVG = ".svg"
"""A drawing that is a text, and goes as one."""
VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
_URL = re.compile(r"https?://", re.IGNORECASE)
_PDF = b"%PDF-"
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_MOST_TEXT_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture that a cell has shown, as the front end got it."""

    data: bytes


def picture_of(value: Any, name: str) -> Attachment | None:
    """Return a value in braces as a picture; ``None`` for one that goes into the prompt as text.

    A file that is a drawing in SVG is returned as the text that it is.

    Raises
    ------
    InvalidValueError
        It is a picture that cannot be sent.
    UnavailableError
        It has to be converted first, and Pillow is not installed.
    """
    if isinstance(value, PurePath):
        path = Path(value)
        is_picture_file = path.suffix.lower() in (*SUFFIXES, SVG) and path.is_file()
        return _of_file(path) if is_picture_file else None
    if is_array(value) and not is_picture(value):
        return None
    return _of_object(value, name)


def attachment_of(value: Any) -> Attachment:
    """Return what a caller attaches: a value, the path of a file, or an address.

    Raises
    ------
    InvalidValueError
        There is no such file, or nothing of it can be sent.
    UnavailableError
        It has to be converted first, and Pillow is not installed.
    """
    if isinstance(value, Attachment):
        return value
    if isinstance(value, str) and _URL.match(value):
        return of_url(value)
    if isinstance(value, str | PurePath):
        return _of_file(_expanded(Path(value)))
    if isinstance(value, bytes | bytearray | memoryview):
        return _of_content(bytes(value), tr("picture"), "picture")
    attachment = _of_object(value, type(value).__name__)
    if attachment is None:
        raise InvalidValueError(
            tr("{kind} cannot be attached", kind=type(value).__name__),
            hint=tr("attach a picture, a figure, an array, the path of a file, or its address"),
        )
    return attachment


def of_address(address: str, name: str = "") -> Attachment:
    """Return what an address names, or what it holds: ``data:image/png;base64,…``.

    Raises
    ------
    InvalidValueError
        It is no address, or what it holds is no picture or document.
    """
    try:
        content = read_address(address)
    except ValueError:
        content = "", b""
    if content is None:
        attachment = of_url(address)
        return replace(attachment, name=name) if name else attachment
    media_type, data = content
    if not data:
        raise InvalidValueError(
            tr("not the content of a picture: {address}", address=address[:40]),
            hint=tr("it is written data:image/png;base64, and then the content"),
        )
    is_picture = not media_type or media_type.startswith("image/")
    return _of_content(data, name or tr("picture"), "picture" if is_picture else "")


def of_url(url: str) -> Attachment:
    """Return what the provider is to fetch: a document or video by its ending, else a picture.

    Raises
    ------
    InvalidValueError
        It is no address that anybody could fetch.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or not _URL.match(url):
        raise InvalidValueError(
            tr("{url} is no address of a picture", url=url[:80]),
            hint=tr("it begins with https://, and names a host"),
        )
    if parts.username is not None:
        raise InvalidValueError(
            tr("an address with a login in it is not sent to a provider"),
            hint=tr("download the file, and attach that"),
        )
    name = unquote(parts.path.rpartition("/")[2]) or host
    if name.lower().endswith(".pdf"):
        return Attachment("file", "application/pdf", name, url=url)
    if name.lower().endswith(VIDEOS):
        return Attachment("video", "", name, url=url)
    return Attachment("picture", "", name, url=url)


def _of_object(value: Any, name: str) -> Attachment | None:
    """Return a value of a library as a picture; ``None`` for one that is none."""
    if isinstance(value, ShownPicture):
        return _of_content(value.data, name, name)
    if is_array(value):
        return _picture(convert_array(value, name), name)
    if is_a(value, "PIL.Image", "Image"):
        return _picture(convert_image(value, name), name)
    if is_a(value, "IPython.core.display", "Image"):
        return _of_display(value, name)
    figure = value.figure if is_a(value, "matplotlib.artist", "Artist") else value
    if is_a(figure, "matplotlib.figure", "FigureBase"):
        return _of_figure(figure, name)
    return None


def _of_display(value: Any, name: str) -> Attachment:
    """Return what ``IPython.display.Image`` shows."""
    if not value.data and value.url:
        return of_url(value.url)
    data = value.data
    return _of_content(data if isinstance(data, bytes) else str(data).encode(), name, name)


def _of_figure(figure: Any, name: str) -> Attachment:
    """Return a figure as it is shown, drawn so that it need not be made smaller."""
    while not hasattr(figure, "savefig"):
        figure = figure.figure  # a part of another figure
    longest = max(figure.get_size_inches())
    dpi = min(float(figure.dpi), LONGEST_SIDE / longest) if longest else figure.dpi
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return _of_content(file.getvalue(), name, name)


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user; the name then begins with ~
        return path


def _of_file(path: Path) -> Attachment:
    """Return a file as a picture, a document, or its text."""
    if path.suffix.lower() in VIDEOS:
        raise InvalidValueError(
            tr("{file} cannot be attached: a video is sent by its address alone", file=path.name),
            hint=tr("put it where the provider can fetch it: --attach https://…"),
        )
    try:
        data = read_regular(path, MOST_FILE_BYTES)
    except OSError as error:
        raise InvalidValueError(
            tr("{file} cannot be attached: {reason}", file=path.name or str(path),
               reason=error.strerror or str(error)),
            hint=tr("the path is relative to the notebook's folder"),
        ) from None  # fmt: skip
    return _of_content(data, path.name, "picture" if path.suffix.lower() in SUFFIXES else "")


def _of_content(data: bytes, name: str, is_picture: str) -> Attachment:
    """Return the content of a file; what is meant as a picture is never read as text."""
    header = read_header(data)
    if header and header.is_plain and _fits(header.width, header.height, header.content):
        thumbnail = check(header.content, name)
        media_type = f"image/{header.format}"
        return _picture(
            Converted(header.content, media_type, header.width, header.height, thumbnail), name
        )
    if data.startswith(_PDF):
        pages = len(_PAGE.findall(data))
        return Attachment(
            "file", "application/pdf", name, hash_of(data), size=len(data), pages=pages, data=data
        )
    if header is None and is_known(data) and not is_installed():
        raise broken(name, tr("it is cut off, or otherwise not whole"))
    text = None if is_picture else _text_of(data)
    if text is not None:
        return Attachment(
            "text", "text/plain", name, hash_of(data), size=len(data), data=text.encode()
        )
    return _picture(convert_bytes(data, name), name)


def _fits(width: int, height: int, data: bytes) -> bool:
    return 0 < max(width, height) <= LONGEST_SIDE and len(data) <= MOST_BYTES


def _text_of(data: bytes) -> str | None:
    """Return a content as text; ``None`` for one that is none. SVG is read as what it is, text."""
    if b"\0" in data or len(data) > _MOST_TEXT_BYTES:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _picture(picture: Converted, name: str) -> Attachment:
    return Attachment(
        "picture",
        picture.media_type,
        name,
        hash_of(picture.data),
        size=len(picture.data),
        width=picture.width,
        height=picture.height,
        remark=picture.remark,
        data=picture.data,
        thumbnail=picture.thumbnail,
    )
