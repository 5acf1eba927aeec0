"""``glm.read_results``: what a server of the user's own made of a file of requests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ...core.errors import InvalidValueError, UnavailableError
from ...core.i18n import tr
from ..results import MapResult
from .courier import AT_ONCE
from .lines import Result, read_line
from .listing import reopened
from .records import Records
from .stored import first_call


def read_results(path: str | Path) -> MapResult:
    """Read the results of a file that ``write_requests`` wrote: ``glm.read_results("out.jsonl")``.

    Answers are kept as those of live calls are, under the same keys, so that the same call asks
    only the rows that have none. Reasoning is told from the answer as in a live reply.

    Parameters
    ----------
    path : str or Path
        The file, as ``vllm run-batch -o`` writes it.

    Returns
    -------
    MapResult
        The rows with their answers; what the file has no line for is in ``left``.

    Raises
    ------
    UnavailableError
        The file cannot be read, or nothing is saved on this computer.
    InvalidValueError
        None of its lines answers a request that was written here.
    """
    records, results = Records(), _results(Path(path))
    for result in results:
        record = records.of_key(result.key) if result.key else None
        if record is not None:
            break
    else:
        raise InvalidValueError(
            tr("no line of {file} answers a request that was written here", file=str(path)),
            hint=tr("read it on the computer where write_requests wrote the requests"),
        )
    batch = reopened(record, records)
    job, result_ = batch.job, batch.result()
    waiting = {
        ln.key: ln for ln in records.lines(record) if ln.answer is None and ln.part is not None
    }
    rest = iter([result, *results])
    while some := list(islice(rest, AT_ONCE)):
        for part in record.parts:
            pairs = [
                (waiting.pop(one.key), one)
                for one in some
                if one.key in waiting and waiting[one.key].part == part.number
            ]
            part.completed += sum(one.error is None for _, one in pairs)
            part.failed += sum(one.error is not None for _, one in pairs)
            job.keep(first_call(part, to_send=False), pairs)
    for part in record.parts:
        part.is_collected = not any(line.part == part.number for line in waiting.values())
        part.state = "completed" if part.is_collected else part.state
        records.save(record, part)
    job.stopped = tr("the file has no line for it") if waiting else None
    job.done = True
    return result_


def _results(path: Path) -> Iterator[Result]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                if text.strip():
                    yield read_line(text)
    except OSError as error:
        raise UnavailableError(
            tr("{file} cannot be read: {reason}", file=str(path), reason=error.strerror or error),
            hint=tr("give the file that vllm run-batch wrote with -o"),
        ) from None
