"""A Python value as text for a prompt, or as records for a table.

Tables become Markdown, functions and classes their source; sizes are capped, and the text says so.
No text has an address of the memory, so that a tape knows the prompt again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

MAX_CHARACTERS = 20_000
"""Of a value that is not itself a string; a string goes in whole."""
MAX_ROWS = 20
MAX_COLUMNS = 30
MAX_CELL = 100
"""Characters of one cell of a table."""

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+(?=[>;])")
"""Where an object is in memory, as the default ``repr`` ends: another place in each process."""

_FRAME = ("head", "shape", "dtypes", "columns")
_SERIES = ("head", "shape", "dtype", "name")


def format_value(value: Any) -> tuple[str, str]:
    """Return a value as text.

    Returns
    -------
    tuple of (str, str)
        The text, and a remark such as ``first 20 of 1,000 rows`` when it is cut, else ``""``.
    """
    if isinstance(value, str):
        return str(value), ""
    if _has(value, _FRAME) and (_has(value, ("itertuples",)) or _has(value, ("iter_rows",))):
        return _frame(value)
    if _has(value, _SERIES) and (_has(value, ("items",)) or _has(value, ("to_list",))):
        return _series(value)
    return _capped(_plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return repr(value)
    if isinstance(value, BaseException):
        text = str(value)
        return f"{type(value).__name__}: {text}" if text else type(value).__name__
    return _source(value) or _ADDRESS.sub("", str(value))


def _source(value: Any) -> str:
    """Return the source of a function or class; empty for anything else, or where there is none."""
    if not callable(value):
        return ""
    import inspect  # which takes a while to load
    import textwrap

    if not (inspect.isroutine(value) or inspect.isclass(value)):
        return ""
    code = getattr(value, "__code__", None)
    if code is not None and code.co_filename == "<string>":
        return ""  # made by `eval` or `exec`; Python 3.13 takes ``python -c …`` for its source
    try:
        return textwrap.dedent(inspect.getsource(value)).strip()
    except (OSError, TypeError):  # it is built in, or was typed where no source is kept
        return ""


def _has(value: Any, names: Iterable[str]) -> bool:
    """Look on the class: an instance may answer to any name."""
    return all(hasattr(type(value), name) for name in names)


def _capped(text: str) -> tuple[str, str]:
    if len(text) <= MAX_CHARACTERS:
        return text, ""
    remark = f"first {MAX_CHARACTERS:,} of {len(text):,} characters"
    return f"{text[:MAX_CHARACTERS]}… ({remark})", remark


def _frame(frame: Any) -> tuple[str, str]:
    rows, columns = (int(size) for size in frame.shape)
    names = [str(name) for name in islice(frame.columns, MAX_COLUMNS)]
    dtypes = [str(dtype) for dtype in islice(frame.dtypes, MAX_COLUMNS)]
    head = frame.head(MAX_ROWS)
    if _has(head, ("itertuples",)):
        names = ["", *names]
        body: Iterable[Iterable[Any]] = head.itertuples(index=True, name=None)
    else:
        body = head.iter_rows()
    pairs = zip(names[len(names) - len(dtypes) :], dtypes, strict=True)
    types = ", ".join(f"{_cell(name)} {_cell(dtype)}" for name, dtype in pairs)
    remark = _remark((rows, MAX_ROWS, "rows"), (columns, MAX_COLUMNS, "columns"))
    return _table(f"{rows:,} rows × {columns:,} columns ({types})", remark, names, body)


def _series(series: Any) -> tuple[str, str]:
    length = int(series.shape[0])
    head = series.head(MAX_ROWS)
    body = head.items() if _has(head, ("items",)) else enumerate(head.to_list())
    name = "value" if series.name in (None, "") else str(series.name)
    remark = _remark((length, MAX_ROWS, "values"))
    return _table(f"{length:,} values ({_cell(series.dtype)})", remark, ["", name], body)


def _remark(*sizes: tuple[int, int, str]) -> str:
    cut = [f"first {most} of {size:,} {unit}" for size, most, unit in sizes if size > most]
    return ", ".join(cut)


def _table(
    title: str, remark: str, names: list[str], body: Iterable[Iterable[Any]]
) -> tuple[str, str]:
    width = len(names)
    rows = [names, ["---"] * width, *(list(islice(row, width)) for row in body)]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    heading = f"{title}; {remark}:" if remark else f"{title}:"
    return "\n".join([heading, "", *lines]), remark


def _cell(value: Any) -> str:
    text = " ".join(str(value).split()).replace("|", r"\|")
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def records_in(value: Any) -> list[dict[str, Any]] | None:
    """Return the records of a JSON value: a list of objects, or the only list of an object.

    Parameters
    ----------
    value : object
        What `json.loads` returns.

    Returns
    -------
    list of dict or None
        ``None`` where there are no records, or where two lists could be meant.
    """
    if isinstance(value, dict):
        lists = [part for part in value.values() if isinstance(part, list)]
        value = lists[0] if len(lists) == 1 else None
    is_list = isinstance(value, list) and bool(value)
    return value if is_list and all(isinstance(item, dict) for item in value) else None
