"""``glm.batches()``: the batches that were sent from this computer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import overload

from ...core.errors import UnknownNameError
from ...core.i18n import tr, translate
from ...core.secret import Secret
from ...core.text import escape_controls
from ...views.columns import text_width
from ..backend import InProcess
from .handle import Batch
from .job import BatchJob
from .records import Record, Records
from .stored import StoredAnswers, StoredRequests, stored_rows


class BatchList(Sequence[Batch]):
    """Batches, the newest first; by number or by id.

    Parameters
    ----------
    batches : sequence of Batch
        Which.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = list(batches)

    def __len__(self) -> int:
        return len(self._batches)

    @overload
    def __getitem__(self, which: int | str) -> Batch: ...
    @overload
    def __getitem__(self, which: slice) -> BatchList: ...
    def __getitem__(self, which: int | str | slice) -> Batch | BatchList:
        """Return a batch by its number, its id, or the id that its provider gave it.

        Raises
        ------
        UnknownNameError
            There is none of that id.
        """
        if isinstance(which, slice):
            return BatchList(self._batches[which])
        if isinstance(which, int):
            return self._batches[which]
        for batch in self._batches:
            if which == batch.id or which in batch.ids:
                return batch
        raise UnknownNameError(
            tr("there is no batch {id!r} here", id=which),
            hint=tr("glm.batches() lists those that were sent from this computer"),
        )

    def _table(self) -> list[list[str]]:
        head = [
            tr("batch"), tr("sent"), tr("provider"), tr("model"), tr("state"), tr("requests"),
            tr("answered"), tr("failed"),
        ]  # fmt: skip
        rows = [[translate(word) for word in head]]
        for batch in self._batches:
            parts = batch.record.parts
            lines, completed, failed = batch.counts
            rows.append(
                [
                    batch.id,
                    f"{datetime.fromtimestamp(batch.record.at).astimezone():%Y-%m-%d %H:%M}",
                    ", ".join(dict.fromkeys(part.provider for part in parts)),
                    ", ".join(dict.fromkeys(part.model for part in parts)),
                    batch.status,
                    *(f"{number:,}" for number in (lines, completed, failed)),
                ]
            )
        return rows

    def __repr__(self) -> str:
        if not self._batches:
            return translate(tr("no batches"))
        rows = self._table()
        widths = [max(text_width(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines = (
            "  ".join(c + " " * (w - text_width(c)) for c, w in zip(row, widths, strict=True))
            for row in rows
        )
        return escape_controls("\n".join(line.rstrip() for line in lines))

    def _repr_html_(self) -> str:
        from ...views.markup.escape import escape_html

        head, *rows = self._table()
        cells = "".join(f"<th style='text-align:left'>{escape_html(word)}</th>" for word in head)
        lines = [f"<tr>{cells}</tr>"]
        for row in rows:
            cells = "".join(f"<td style='text-align:left'>{escape_html(cell)}</td>" for cell in row)
            lines.append(f"<tr>{cells}</tr>")
        return f"<table>{''.join(lines)}</table>"


def batches(api_key: str | None = None) -> BatchList:
    """Return the batches that were sent from this computer, the newest first.

    Nothing is asked of a provider; ``refresh()`` and ``wait()`` of a batch do.

    Parameters
    ----------
    api_key : str, optional
        The key with which they are asked about; by default the one that is found, as for `ask`.

    Returns
    -------
    BatchList
        A list that shows itself as a table; ``glm.batches()["ab12cd34"]`` is the one of that id.

    Raises
    ------
    UnavailableError
        Nothing is saved on this computer (``GLM_STORE``).
    """
    key = None if api_key is None else Secret(api_key, "api_key")
    records = Records()
    return BatchList([reopened(record, records, key) for record in records.all()])


def reopened(record: Record, records: Records, api_key: Secret | None = None) -> Batch:
    """Return the handle of a batch that is on disk."""

    def open_job() -> BatchJob:
        lines = list(records.lines(record))
        requests = StoredRequests(record, lines, api_key)
        rows = stored_rows(record, lines)
        job = BatchJob(rows, requests, InProcess(), jobs=1, answers=StoredAnswers(record))
        job.read()
        job.follow(record, records, requests.account)
        job.forget_estimate()
        job.catch_up()
        return job

    return Batch(record, open_job)
