"""The answer in the form that was asked for: Markdown, plain text, JSON, or records as a table."""

from __future__ import annotations

import json
from typing import Any

from ...core.format_value import records_in
from ...core.turn import Turn
from ..header import missing_answer
from ..labels import Labels
from ..markup.escape import escape_html, strip_blank_lines
from ..markup.highlight import block_html
from ..markup.markdown import markdown_html, plain_html
from ..options import Format

MAX_ROWS = 200
"""A longer table is analysed rather than read, and ``reply.to_frame()`` is for that."""

MAX_COLUMNS = 30

_CELL = "padding:.2em .7em;text-align:left;vertical-align:top"


def answer_html(turn: Turn, form: Format | None, labels: Labels) -> str:
    """Return the answer, or why there is none."""
    gap = missing_answer(turn, labels)
    if gap:
        return f'<p class="glm-g"><i>{escape_html(gap)}</i></p>\n'
    return format_html(strip_blank_lines(turn.answer), form)


def format_html(text: str, form: Format | None) -> str:
    """Return an answer in a form; Markdown by default."""
    if form == "text":
        return plain_html(text)
    return _json_html(text) if form == "json" else markdown_html(text)


def _json_html(text: str) -> str:
    """Return a JSON answer as a table or indented; what is not JSON stays as it is."""
    try:
        value = json.loads(text)
        indented = json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return block_html(text, "")
    records = records_in(value)
    if records is None or not all(records):  # an object without keys has no columns
        return block_html(indented, "json")
    return _others_html(value) + _table_html(records)


def _others_html(value: Any) -> str:
    """Return what stands beside the records, which a table alone would hide."""
    if isinstance(value, list) or len(value) == 1:
        return ""
    others = {key: part for key, part in value.items() if not isinstance(part, list)}
    return block_html(json.dumps(others, indent=2, ensure_ascii=False), "json")


def _table_html(records: list[dict[str, Any]]) -> str:
    """Return records as a table; the keys of all records are its columns."""
    columns = list(dict.fromkeys(key for record in records for key in record))[:MAX_COLUMNS]
    head = "".join(f'<th style="{_CELL}">{escape_html(name)}</th>' for name in columns)
    rows = "".join(f"<tr>{_row(record, columns)}</tr>\n" for record in records[:MAX_ROWS])
    left = len(records) - MAX_ROWS
    more = f"<p><i>+{left:,}</i></p>\n" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>\n{more}"


def _row(record: dict[str, Any], columns: list[str]) -> str:
    cells = (_text(record[name]) if name in record else "" for name in columns)
    return "".join(f'<td style="{_CELL}">{escape_html(cell)}</td>' for cell in cells)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
