"""Pictures in any form -> a PNG or JPEG that every model reads as a person does, with Pillow.

Upright, opaque on white, still, in 8 bits, in sRGB, and at most `LONGEST_SIDE` pixels. What is
large is made small before anything else is done to it, so that a picture of 50 megapixels costs
little more memory than its own pixels.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.attachments import LONGEST_SIDE, MOST_BYTES, MOST_THUMBNAIL_BYTES, THUMBNAIL_SIDE
from ..core.errors import InvalidValueError, UnavailableError
from ..core.i18n import Text, joined, tr

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 120_000_000
"""A picture that says it has more is not opened: a small file can hold any number of them."""

_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "ICO", "AVIF", "TGA")
"""What is opened; none of them runs another program, as EPS does."""
_QUALITIES = (90, 80, 65, 50)
_THUMBNAIL_QUALITIES = (80, 60, 40, 20)
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Converted:
    """A picture as it is sent."""

    data: bytes
    media_type: str
    width: int
    height: int
    thumbnail: bytes
    remark: str = ""


def is_installed() -> bool:
    """Whether Pillow can be imported."""
    try:
        import PIL.Image
    except ImportError:
        return False
    return PIL.Image is not None


def need_pillow(name: str) -> UnavailableError:
    """Return the error of a picture that cannot be sent without Pillow."""
    return UnavailableError(
        tr("{name} has to be converted before it is sent, which needs Pillow", name=name),
        hint=tr('install it: pip install "glm-magic[pictures]"'),
    )


def convert_bytes(data: bytes, name: str) -> Converted:
    """Return a picture that is the content of a file.

    Raises
    ------
    InvalidValueError
        It is no picture, is broken or cut off, or has too many pixels.
    UnavailableError
        Pillow is not installed.
    """
    if not is_installed():
        raise need_pillow(name)
    with _opened(data, name) as image:
        size = _checked_size(image, name)
        image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is decoded at a part of its size
        return convert_image(image, name, as_jpeg=image.format in ("JPEG", "MPO"), size=size)


def check(data: bytes, name: str) -> bytes:
    """Return the thumbnail of a picture that goes as it is; empty without Pillow.

    Raises
    ------
    InvalidValueError
        It is broken.
    """
    if not is_installed():
        return data if len(data) <= MOST_THUMBNAIL_BYTES else b""
    with _opened(data, name) as image:
        return thumbnail_of(_opaque(image))


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Image]:
    from PIL import Image, UnidentifiedImageError

    Image.init()
    formats = [form for form in _FORMATS if form in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the limit is our own
            image = Image.open(io.BytesIO(data), formats=formats)
        with image:
            yield image
    except UnidentifiedImageError:
        raise InvalidValueError(
            tr("{name} is no picture that can be read", name=name),
            hint=tr("PNG, JPEG, GIF, WebP, BMP and TIFF can be"),
        ) from None
    except Image.DecompressionBombError:
        raise too_large(name) from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise broken(name, str(error) or type(error).__name__) from None


def broken(name: str, reason: str) -> InvalidValueError:
    """Return the error of a picture that is not whole."""
    return InvalidValueError(
        tr("{name} is broken: {reason}", name=name, reason=reason),
        hint=tr("open it in another program, and save it again"),
    )


def too_large(name: str) -> InvalidValueError:
    """Return the error of a picture that has too many pixels to be opened."""
    return InvalidValueError(
        tr("{name} has more than {count:,} pixels", name=name, count=MOST_PIXELS),
        hint=tr("make it smaller first"),
    )


def _checked_size(image: Image, name: str) -> tuple[int, int]:
    width, height = image.size
    if not width or not height:
        raise InvalidValueError(tr("{name} is an empty picture", name=name))
    if width * height > MOST_PIXELS:
        raise too_large(name)
    return width, height


def convert_image(
    image: Image,
    name: str,
    *,
    as_jpeg: bool = False,
    remark: str = "",
    size: tuple[int, int] | None = None,
) -> Converted:
    """Return an image of Pillow as it is sent.

    Parameters
    ----------
    image : Image
        It stays as it is.
    name : str
        How the user calls it.
    as_jpeg : bool
        Whether it was a JPEG, which PNG would only make larger.
    remark : str
        What was done to it before.
    size : tuple of int, optional
        Its own size, where it is decoded at a part of it.

    Raises
    ------
    InvalidValueError
        It has too many pixels, or none.
    """
    width, height = size or _checked_size(image, name)
    remarks = [remark] if remark else []
    if getattr(image, "is_animated", False):
        remarks.append(tr("one of its frames"))
    orientation = image.getexif().get(_ORIENTATION, 1)
    small = _opaque(_in_srgb(_shrunk(_in_8_bits(image)), image.info.get("icc_profile")))
    small = _upright(small, orientation)
    if max(width, height) > LONGEST_SIDE:
        before = f"{width:,} × {height:,}"
        remarks.append(tr("made smaller, from {size} pixels", size=before))
    data, media_type = _encoded(small, as_jpeg=as_jpeg)
    text: Text | str = joined(remarks, ", ") if remarks else ""
    return Converted(data, media_type, *small.size, thumbnail_of(small), text)


def _in_8_bits(image: Image) -> Image:
    """Return an image whose values have 8 bits each, and whose colours are in no palette."""
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "1":
        return image.convert("L")
    if not image.mode.startswith(("I", "F")):
        return image
    extent: Any = image.getextrema()
    low, high = extent
    if image.mode.startswith("I") and low >= 0 and high <= 0xFFFF:
        low, high = 0, 0xFFFF if high > 0xFF else 0xFF
    scale = 255 / ((high - low) or 1)
    whole = image.convert("F") if image.mode != "F" else image
    return whole.point(lambda value: value * scale - low * scale).convert("L")


def _shrunk(image: Image) -> Image:
    from PIL import Image as Images

    longest = max(image.size)
    if longest <= LONGEST_SIDE:
        return image
    sides = [max(1, round(side * LONGEST_SIDE / longest)) for side in image.size]
    return image.resize((sides[0], sides[1]), Images.Resampling.LANCZOS, reducing_gap=2.0)


def _in_srgb(image: Image, profile: bytes | None) -> Image:
    """Return an image in the colours that a number without a profile means."""
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image if image.mode in ("L", "LA", "RGB", "RGBA") else _plain(image)
    from PIL import ImageCms

    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha else image
    with suppress(ImageCms.PyCMSError, OSError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
        if converted is not None:
            colours = converted
    if alpha is not None:
        colours.putalpha(alpha)
    return _plain(colours)


def _plain(image: Image) -> Image:
    if image.mode in ("L", "RGB", "RGBA", "LA"):
        return image
    return image.convert("RGBA" if image.mode in ("La", "RGBa") else "RGB")


def _opaque(image: Image) -> Image:
    """Return an image on white, where it is transparent: a figure's axes are black."""
    from PIL import Image as Images

    if "transparency" in image.info and image.mode in ("L", "RGB", "P"):
        image = image.convert("RGBA")
    if image.mode not in ("RGBA", "LA"):
        return _plain(image)
    colours = image.convert("RGBA")
    white = Images.new("RGB", image.size, "white")
    white.paste(colours, mask=colours.getchannel("A"))
    return white


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _encoded(image: Image, *, as_jpeg: bool) -> tuple[bytes, str]:
    """Return an image as PNG, which loses nothing, or as JPEG where that would be too large."""
    if not as_jpeg:
        data = _saved(image, "PNG")
        if len(data) <= MOST_BYTES:
            return data, "image/png"
    for quality in _QUALITIES:
        data = _saved(image, "JPEG", quality=quality)
        if len(data) <= MOST_BYTES:
            break
    return data, "image/jpeg"


def _saved(image: Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    bare = image.copy()  # it may be the user's own
    bare.info = {}  # a profile or a note would be written too
    bare.save(file, form, **options)
    return file.getvalue()


def thumbnail_of(image: Image) -> bytes:
    """Return a small form of an image, of `MOST_THUMBNAIL_BYTES` at most; empty if that fails."""
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    data = _saved(small, "PNG")
    for quality in _THUMBNAIL_QUALITIES:
        if len(data) <= MOST_THUMBNAIL_BYTES:
            return data
        data = _saved(small, "JPEG", quality=quality)
    return data if len(data) <= MOST_THUMBNAIL_BYTES else b""
