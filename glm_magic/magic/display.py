"""What a verb shows: tables, sections, paragraphs, as HTML and as plain text.

Every text is escaped in both forms: what a model or a user wrote is never obeyed as markup, nor by
a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.i18n import Text, plural, translate
from ..core.text import escape_controls
from ..views.columns import columns_of, padded, text_width, wrap
from ..views.markup.escape import escape_html

_NUMERIC = "text-align:right;font-variant-numeric:tabular-nums"
_TEXTUAL = "text-align:left"
_MISSING = "n/a"


class Displayable:
    """Something with an HTML and a plain text form."""

    def html(self) -> str:
        """Return the HTML form."""
        raise NotImplementedError

    def text(self) -> str:
        """Return the plain text form."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}

    def __repr__(self) -> str:
        return self.text()


@dataclass(frozen=True, slots=True, repr=False)
class Table(Displayable):
    """Rows under named columns; numbers are right-aligned, ``None`` is shown as ``n/a``."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    note: str = ""
    """A message below the rows."""

    def html(self) -> str:
        """Return a table that pages which are not trusted, and GitHub, show as well."""
        names = map(escape_html, map(translate, self.columns))
        head = "".join(f'<th style="{_TEXTUAL}">{name}</th>' for name in names)
        body = "".join(f"<tr>{''.join(_html_cells(row))}</tr>" for row in self.rows)
        title = (
            f"<p><strong>{escape_html(translate(self.title))}</strong></p>" if self.title else ""
        )
        note = f"<p>{escape_html(translate(self.note))}</p>" if self.note else ""
        return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"

    def text(self) -> str:
        """Return aligned columns."""
        rows = [[_cell_text(cell) for cell in row] for row in self.rows]
        table = [[_cell_text(translate(name)) for name in self.columns], *rows]
        widths = [max(map(text_width, column)) for column in zip(*table, strict=True)]
        right = [
            all(_is_number(row[at]) for row in self.rows) and bool(rows)
            for at in range(len(self.columns))
        ]
        lines = [_text_row(row, widths, right) for row in table]
        rule = "  ".join("─" * width for width in widths)
        parts = [translate(self.title), lines[0], rule, *lines[1:], translate(self.note)]
        return escape_controls("\n".join(part for part in parts if part))


@dataclass(frozen=True, slots=True, repr=False)
class Sections(Displayable):
    """Texts under headings, with their spaces and line breaks."""

    parts: Sequence[tuple[str, str]]
    """Heading and text."""
    title: str = ""
    folded: bool = False
    """True: every part but the first is folded away in HTML."""

    def html(self) -> str:
        """Return preformatted text under headings."""
        title = (
            f"<p><strong>{escape_html(translate(self.title))}</strong></p>" if self.title else ""
        )
        return title + "".join(self._html_parts())

    def _html_parts(self) -> Iterator[str]:
        for index, (english, text) in enumerate(self.parts):
            heading = translate(english)
            body = f'<pre style="white-space:pre-wrap">{escape_html(translate(text))}</pre>'
            if self.folded and index:
                yield f"<details><summary>{escape_html(heading)}</summary>{body}</details>"
            else:
                yield (f"<p>{escape_html(heading)}</p>" if heading else "") + body

    def text(self) -> str:
        """Return the texts, each under its heading."""
        parts = [
            "\n".join(filter(None, (translate(heading), translate(text))))
            for heading, text in self.parts
        ]
        return escape_controls("\n\n".join(filter(None, (translate(self.title), *parts))))


@dataclass(frozen=True, slots=True, repr=False)
class Glossary(Displayable):
    """How things are written, and beside each what it means."""

    head: str
    """A text before all."""
    parts: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    """Heading, and its rows."""

    def html(self) -> str:
        """Return preformatted columns under headings, which the page wraps."""
        return Sections(self._sections(None)).html()

    def text(self) -> str:
        """Return columns under headings, as wide as the terminal."""
        return Sections(self._sections(columns_of())).text()

    def _sections(self, most: int | None) -> list[tuple[str, str]]:
        head = translate(self.head)
        head = "\n".join(wrap(head, most)) if most else head
        parts = [(heading, "\n".join(_glossary_lines(rows, most))) for heading, rows in self.parts]
        return [("", head), *parts]


_INDENT = 2
_MOST_LEFT = 0.4
"""Share of a terminal for the left column; what is longer has a line of its own."""


def _glossary_lines(rows: Sequence[tuple[str, str]], most: int | None) -> Iterator[str]:
    """Yield two columns; lines of the right one that go on begin below its first."""
    widest = max(text_width(left) for left, _ in rows)
    width = widest if most is None else min(widest, int(most * _MOST_LEFT))
    hanging = " " * (width + 2 * _INDENT)
    for left, right in rows:
        text = translate(right)
        lines = [text] if most is None else wrap(text, most - len(hanging))
        begin = " " * _INDENT + left
        if text_width(left) > width:
            yield from wrap(begin, most) if most else [begin]
            begin = hanging
        else:
            begin = padded(begin, len(hanging))
        yield begin + lines[0]
        yield from (hanging + line for line in lines[1:])


@dataclass(frozen=True, slots=True, repr=False)
class Paragraph(Displayable):
    """One message, shown in the user's language."""

    sentence: str

    def html(self) -> str:
        """Return a paragraph."""
        return f"<p>{escape_html(translate(self.sentence))}</p>"

    def text(self) -> str:
        """Return the sentence, in lines as wide as the terminal."""
        text, most = escape_controls(translate(self.sentence)), columns_of()
        return "\n".join(wrap(text, most)) if most else text


@dataclass(frozen=True, slots=True, repr=False)
class Value(Displayable):
    """A value that the verb returns, so that a program can go on with it."""

    value: Any

    def html(self) -> str:
        """Return the value's own HTML form, or its text."""
        html = getattr(self.value, "_repr_html_", None)
        return str(html()) if html is not None else f"<pre>{escape_html(self.text())}</pre>"

    def text(self) -> str:
        """Return the value as text."""
        return escape_controls(str(self.value))


def show(output: Displayable) -> None:
    """Show it as an output of the cell."""
    from IPython.display import display

    display(output)  # type: ignore[no-untyped-call]


def _html_title(title: str) -> str:
    return f"<p><strong>{escape_html(translate(title))}</strong></p>" if title else ""


def _html_cells(row: Sequence[Any]) -> Iterator[str]:
    for cell in row:
        style = _NUMERIC if _is_number(cell) else _TEXTUAL
        yield f'<td style="{style}">{escape_html(_cell_text(cell))}</td>'


def _cell_text(cell: Any) -> str:
    if cell is None:
        return _MISSING
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    text = translate(cell) if isinstance(cell, Text) else str(cell)
    return escape_controls(" ".join(text.split()))


def _is_number(cell: Any) -> bool:
    return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))


def _text_row(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = zip(row, widths, right, strict=True)
    return "  ".join(padded(text, width, right=right) for text, width, right in cells).rstrip()


def from_home(path: Path) -> str:
    """Return a path with ``~`` for the home folder.

    What is shown stays in the notebook's file, and the user's name should not.
    """
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def turn_count(count: int) -> Text:
    """Return a number of turns as text."""
    return plural(count, "{count} turn", "{count} turns")
