"""The rows that a prompt is asked about: of a frame, or of a list of records or texts.

Rows are told apart by their number alone, so that neither index nor order matters. They are read
as often as they are needed and not copied; only an iterator is read into a list, once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import InvalidValueError, UnavailableError
from ..core.i18n import tr
from ..engine.interpolate import RefusedValueError
from ..engine.reply import rows_to_frame

TEXT = "text"
"""The column of rows that are texts."""
ROW = "row"
"""The whole record, for columns whose names are no words: ``{row["first name"]}``."""


class Rows:
    """Rows that can be read again.

    Parameters
    ----------
    given
        A pandas or polars DataFrame, or an iterable of dicts or of texts.

    Raises
    ------
    InvalidValueError
        It is none of these.
    """

    def __init__(self, given: Any) -> None:
        self.kind, self._rows = _read(given)
        if self.kind in ("pandas", "polars"):
            names = list(self._rows.columns)
        elif self.kind == "texts":
            names = [TEXT]
        else:
            names = list(dict.fromkeys(name for record in self._rows for name in record))
        self.columns: list[Any] = names
        """Names of the columns, in order."""

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        """Yield each row: a dict, or the text."""
        if self.kind == "pandas":
            if not self.columns:
                return iter([{}] * len(self))
            columns = [self._rows.iloc[:, place] for place in range(len(self.columns))]
            return (dict(zip(self.columns, row, strict=True)) for row in zip(*columns, strict=True))
        if self.kind == "polars":
            rows: Iterator[Any] = self._rows.iter_rows(named=True)
            return rows
        return iter(self._rows)

    def __getitem__(self, number: int) -> Any:
        """Return a row: a dict, or the text."""
        if self.kind == "pandas":
            return {n: self._rows.iat[number, at] for at, n in enumerate(self.columns)}
        if self.kind == "polars":
            return self._rows.row(number, named=True)
        return self._rows[number]

    def names(self, row: Any) -> dict[str, Any]:
        """Return what a template can put in: the row's columns, and the row itself."""
        record = row if isinstance(row, Mapping) else {TEXT: row}
        # a record without a key that others have is a row with a missing cell
        every = dict.fromkeys(map(str, self.columns)) if self.kind == "records" else {}
        return {ROW: record, **every, **{str(name): value for name, value in record.items()}}

    def check_unique(self, names: Iterable[str]) -> None:
        """Refuse a template that puts in a column whose name another one has too.

        Raises
        ------
        InvalidValueError
            There are two columns of a name.
        """
        columns = list(map(str, self.columns))
        for name in names:
            if columns.count(name) > 1:
                raise InvalidValueError(
                    tr("two columns are named {name!r}; nothing was sent", name=name),
                    hint=tr("rename one of them"),
                )

    def to_frame(self, columns: Mapping[str, Sequence[Any]]) -> Any:
        """Return a frame with the rows as they were given, and more columns.

        It is a polars frame where the rows are one, else a pandas one with the index of the rows.
        A column whose name the rows have already gets an underscore after it.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        named: dict[str, Sequence[Any]] = {}
        for name, values in columns.items():
            unique = name
            while unique in self.columns:
                unique += "_"
            named[unique] = values
        if self.kind == "polars":
            import polars as pl

            return self._rows.with_columns(
                pl.Series(name, values, strict=False) for name, values in named.items()
            )
        if self.kind == "pandas":
            frame = self._rows.copy()
        else:
            frame = rows_to_frame(self.names(row)[ROW] for row in self)
        for name, values in named.items():
            frame[name] = values
        return frame


def refuse_missing(value: Any) -> None:
    """Refuse a cell without a value: ``None``, NaN, pandas' NA and NaT.

    Raises
    ------
    RefusedValueError
        There is no value.
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType") or _is_nan(value):
        raise RefusedValueError(tr("the cell is empty"))


def _is_nan(value: Any) -> bool:
    return type(value).__name__.startswith("float") and bool(value != value)  # noqa: PLR0124


def _read(given: Any) -> tuple[str, Any]:
    for kind in ("pandas", "polars"):
        module = sys.modules.get(kind)  # whoever has a frame has imported its library
        if module is not None and isinstance(given, module.DataFrame):
            return kind, given
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InvalidValueError(
            tr("rows are a DataFrame, or a list of dicts or texts, not {kind}", kind=_name(given)),
            hint=tr("for a single prompt there is glm.ask"),
        )
    rows = _listed(given)
    kinds = ["texts" if isinstance(row, str) else "records" for row in rows]
    for number, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
        if not isinstance(row, str | Mapping) or kind != kinds[0]:
            raise InvalidValueError(
                tr(
                    "row {number} is {kind}; rows are all dicts, or all texts",
                    number=number,
                    kind=_name(row),
                ),
                hint=tr("nothing was sent"),
            )
    return (kinds[0] if kinds else "records"), rows


def _listed(given: Iterable[Any]) -> Sequence[Any]:
    if isinstance(given, list | tuple):
        return given
    rows: list[Any] = []
    try:
        rows.extend(given)
    except Exception as error:
        raise UnavailableError(
            tr(
                "the rows ended with {error} after {count:,}; nothing was sent",
                error=f"{type(error).__name__}: {error}"[:200],
                count=len(rows),
            ),
            hint=tr("what yields the rows failed; read them into a list first to see where"),
        ) from error
    return rows


def _name(value: Any) -> str:
    return type(value).__name__
