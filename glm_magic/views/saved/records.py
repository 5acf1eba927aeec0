"""A JSON list of records as a table."""

from __future__ import annotations

import json
from typing import Any

from ..markup.safe import text_html

MAX_ROWS = 200
"""More is not read but analysed, which ``reply.to_frame()`` is for."""
MAX_COLUMNS = 30
_CELL = "padding:3px 10px;text-align:left;vertical-align:top"


def records(text: str) -> list[dict[str, Any]] | None:
    """Return the records of a JSON text that is a list of them, or an object with one such list."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and len(found) == 1:
        (found,) = found.values()
    is_list = isinstance(found, list) and bool(found)
    return found if is_list and all(isinstance(item, dict) and item for item in found) else None


def table_html(found: list[dict[str, Any]]) -> str:
    """Return records as a table; keys of any record are columns."""
    columns = list(dict.fromkeys(key for item in found for key in item))[:MAX_COLUMNS]
    head = "".join(f'<th style="{_CELL}">{text_html(name)}</th>' for name in columns)
    rows = "".join(f"<tr>{_row(item, columns)}</tr>\n" for item in found[:MAX_ROWS])
    left = len(found) - MAX_ROWS
    more = f"<p><i>+{left:,}</i></p>\n" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>\n{more}"


def _row(item: dict[str, Any], columns: list[str]) -> str:
    cells = (_text(item[name]) if name in item else "" for name in columns)
    return "".join(f'<td style="{_CELL}">{text_html(cell)}</td>' for cell in cells)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
