"""Arrays of numbers that are pictures.

Numbers become grey or colour as matplotlib's ``imshow`` shows them: integers up to 255 and
fractions up to 1 are colours; other numbers of an array with two axes run from black, its least, to
white, its greatest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidValueError
from ..core.i18n import Text, tr
from .pillow import MOST_PIXELS, Converted, convert_image, is_installed, need_pillow, too_large

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 256
"""Rows that are converted at a time: an array of fractions has eight times the picture's bytes."""
_FEWEST_SHOWN = 1000
"""Numbers that numpy writes out; a larger array is abbreviated as text, which no model can read."""
_SHORTEST_SIDE = 16


def is_a(value: Any, module: str, name: str) -> bool:
    """Whether a value is of a library's class; the library need not be loaded for that."""
    return any(c.__module__ == module and c.__name__ == name for c in type(value).__mro__)


def is_array(value: Any) -> bool:
    """Whether a value is an array of numpy."""
    return is_a(value, "numpy", "ndarray")


def is_picture(array: NDArray[Any]) -> bool:
    """Whether an array in a prompt is meant as a picture rather than as its numbers."""
    if not _is_numeric(array) or array.ndim not in (2, 3) or array.size <= _FEWEST_SHOWN:
        return False
    has_colours = array.ndim == 2 or array.shape[2] in (3, 4)
    return has_colours and min(array.shape[:2]) >= _SHORTEST_SIDE


def _is_numeric(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "buif"


def convert_array(array: NDArray[Any], name: str) -> Converted:
    """Return an array as a picture.

    Raises
    ------
    InvalidValueError
        Its numbers or its axes are those of no picture.
    UnavailableError
        Pillow is not installed.
    """
    shape = tuple(array.shape)
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    if not (_is_numeric(array) and fits and min(shape)):
        size = " × ".join(map(str, shape))
        raise InvalidValueError(
            tr("{name} is no picture: {size}, {dtype}", name=name, size=size, dtype=array.dtype),
            hint=tr("an array of H × W, H × W × 3 or H × W × 4 numbers is one"),
        )
    if not is_installed():
        raise need_pillow(name)
    if shape[0] * shape[1] > MOST_PIXELS:
        raise too_large(name)
    from PIL import Image

    if len(shape) == 3 and shape[2] == 1:
        array = array[:, :, 0]
    levels, remark = _levels(array, name)
    return convert_image(Image.fromarray(levels), name, remark=remark)


def _levels(array: NDArray[Any], name: str) -> tuple[NDArray[Any], Text | str]:
    """Return an array with a byte for each number, and what black and white mean in it."""
    import numpy as np

    if array.dtype == np.uint8:
        return np.ascontiguousarray(array), ""
    low, high, remark = _range(array, name)
    scale = 255 / ((high - low) or 1)
    levels = np.empty(array.shape, np.uint8)
    for top in range(0, len(array), ROWS):
        part = array[top : top + ROWS].astype(np.float64)
        part = np.nan_to_num(part, nan=low, posinf=high, neginf=low)
        levels[top : top + ROWS] = np.clip((part - low) * scale + 0.5, 0, 255)
    return levels, remark


def _range(array: NDArray[Any], name: str) -> tuple[float, float, Text | str]:
    """Return which numbers are black and white, and a remark where that had to be found out."""
    import numpy as np

    kind = array.dtype.kind
    if kind == "b":
        return 0, 1, ""
    if array.dtype == np.uint16 and array.ndim == 3:
        return 0, 0xFFFF, ""
    finite = _extent(array)
    if finite is None:
        raise InvalidValueError(tr("{name} is no picture: it holds no number", name=name))
    low, high = finite
    whole = 255 if kind in "ui" else 1
    if low >= 0 and high <= whole:
        return 0, whole, ""
    if array.ndim == 3:
        raise InvalidValueError(
            tr("{name} is no picture: its colours run from {low:g} to {high:g}",
               name=name, low=low, high=high),
            hint=tr("colours are 0 to 255 as integers, or 0 to 1 as fractions"),
        )  # fmt: skip
    return low, high, tr("black is {low:g}, white is {high:g}", low=low, high=high)


def _extent(array: NDArray[Any]) -> tuple[float, float] | None:
    """Return the least and the greatest finite number, by parts, so that no copy is made."""
    import numpy as np

    bounds = []
    for top in range(0, len(array), ROWS):
        part = array[top : top + ROWS]
        finite = part[np.isfinite(part)]
        if finite.size:
            bounds += [float(finite.min()), float(finite.max())]
    return (min(bounds), max(bounds)) if bounds else None
