"""Rows -> a batch: what cannot be one is refused, what runs already is found, the rest is sent.

A batch cannot be stopped when its answers grow long, so a budget is held before anything is sent:
each row counts with the longest answer that was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from ...catalogue.load import catalogue
from ...catalogue.schema import Offer
from ...core.errors import GlmError, InvalidValueError, UnavailableError, UnsupportedError
from ...core.i18n import tr
from ...core.turn import Notice
from ...core.usage import Usage
from ...engine.options import Options
from ...engine.prepared import PreparedRequest
from ...session.limits import Limit, cost_of
from ...session.reservations import longest_output
from ...session.store import is_on
from ...tools.output_schema import OutputSchema
from ..backend import InProcess
from ..job import Job
from ..requests import Prompt, Requests
from ..results import MapResult
from ..rows import Rows
from .courier import APIS
from .handle import Batch
from .job import BatchJob
from .lines import batch_body, in_batch
from .records import UNSENT, WRITTEN, Line, Part, Problem, Record, Records, left
from .remote import MAX_BYTES
from .stored import first_call, written_row

MODES = ("live", "batch", "file")
_OVERHEAD = 120
"""Bytes of a line beside its body, at most."""


class BatchRequests(Requests):
    """The requests of one call, at the price of a batch.

    Parameters
    ----------
    rows, prompt, options
        As of `Requests`.

    Raises
    ------
    RefusedError
        The provider has no batch for the model, or the options ask for what a batch cannot do.
    """

    def __init__(self, rows: Rows, prompt: Prompt, options: Options) -> None:
        super().__init__(rows, prompt, options)
        _check_options(options)
        if self._first is None:
            raise _no_tape()
        _check_offer(self._first.offer, self._first.dialect.name)
        self._first = in_batch(self._first)

    def of(self, number: int, row: Any) -> PreparedRequest:
        """Return the request about a row."""
        return in_batch(super().of(number, row))


class FileRequests(Requests):
    """The requests of one call, for a file that the user gives to a server.

    Parameters
    ----------
    rows, prompt, options
        As of `Requests`.

    Raises
    ------
    RefusedError
        The options ask for what a file cannot do.
    """

    def __init__(self, rows: Rows, prompt: Prompt, options: Options) -> None:
        super().__init__(rows, prompt, options)
        _check_options(options)
        if self._first is None:
            raise _no_tape()


def check_mode(mode: str, on: Any) -> None:
    """Refuse a mode that there is not, and a Dask client beside a batch.

    Raises
    ------
    InvalidValueError
        It is none of `MODES`, or ``on`` would have nothing to do.
    """
    if mode not in MODES:
        raise InvalidValueError(
            tr("mode is how rows are asked, not {value!r}", value=mode),
            hint=tr("choose live, batch or file"),
        )
    if on is not None:
        raise InvalidValueError(
            tr("a batch is answered by its provider, not by Dask workers; nothing was sent"),
            hint=tr("leave out on=, or ask the rows with mode='live'"),
        )


def requests_of(mode: str) -> type[Requests]:
    """Return what makes the requests of a mode."""
    return {"batch": BatchRequests, "file": FileRequests}.get(mode, Requests)


def _no_tape() -> UnavailableError:
    return UnavailableError(
        tr("a tape cannot answer a batch"), hint=tr("eject it, or ask the rows with mode='live'")
    )


def _check_options(options: Options) -> None:
    if options.tools or options.mcp:
        raise UnsupportedError(
            tr("a batch cannot call functions; nothing was sent"),
            hint=tr("leave tools and mcp out, or ask the rows with mode='live'"),
        )


def _check_offer(offer: Offer, dialect: str) -> None:
    if offer.batch_price is not None and dialect in APIS:
        return
    offers = catalogue().offers.values()
    able = [f"{o.model.id} ({o.provider.name})" for o in offers if o.batch_price and o.is_served]
    raise UnsupportedError(
        tr(
            "{provider} has no batch for {model}, as far as the catalogue knows; nothing was sent",
            provider=offer.provider.title,
            model=offer.model.id,
        ),
        hint=tr("there are batches for {names}", names=", ".join(able)),
        provider=offer.provider.name,
    )


def make_batch(
    rows: Rows,
    requests: Requests,
    *,
    mode: str,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    make_result: Callable[[Job], MapResult] = MapResult,
) -> Batch:
    """Return the batch that answers rows: one that runs already, or a new one that is not sent.

    Raises
    ------
    RefusedError
        Nothing can be asked, or some of the rows are in another batch that has not ended.
    """
    records = Records()
    job = BatchJob(rows, requests, InProcess(), jobs=1, budget=budget, name=name, fresh=fresh)
    job.read()
    if job.budget.is_limited:
        _check_lengths(requests.of(n, rows[n]) for n in job.plan.open)
    keys = {
        number: requests.key(number, requests.of(number, rows[number])) for number in job.plan.open
    }
    running = None if fresh or mode == "file" else _running(records, set(keys.values()))
    record = running or _written(job, records, mode, name, keys)
    job.follow(record, records, _accounts(job, record))
    job.note(_notices(job, record) if running is None else [_found(record)])
    return Batch(record, lambda: job, make_result)


def sent(batch: Batch, *, quiet: bool) -> Batch:
    """Return a batch once it is sent; one of which nothing was taken is forgotten.

    What it is about to cost is shown before, unless `quiet`.

    Raises
    ------
    GlmError
        A part was refused, or it is not known whether it was taken.
    """
    if not quiet:
        batch.announce()
    try:
        return batch.send()
    except GlmError:
        if all(part.state == UNSENT for part in batch.record.parts):
            batch.delete()
        raise


def _check_lengths(calls: Iterable[PreparedRequest]) -> None:
    """Refuse a budget where it is not known how long an answer may be."""
    for call in calls:
        names = ("max_tokens", "max_completion_tokens")
        if not any(call.request.parameters.get(name) for name in names):
            raise InvalidValueError(
                tr("a batch is not stopped at its budget, so the budget needs max_tokens"),
                hint=tr("give max_tokens, the longest answer of a row; nothing was sent"),
            )


def _running(records: Records, keys: set[bytes]) -> Record | None:
    """Return the batch that all requests are in already; ``None``: none of them is in any.

    Raises
    ------
    UnavailableError
        Some are: to send those again would pay them twice.
    """
    running = records.running(keys) if keys else {}
    for id_, some in running.items():
        if some == keys:
            return records.get(id_)
    if running:
        raise in_another_batch(running)
    return None


def check_not_running(job: Job) -> Job:
    """Return a call that is asked live, none of whose rows is in a batch that has not ended.

    Raises
    ------
    UnavailableError
        Some are: to ask those again would pay them twice.
    """
    records = Records() if is_on() else None
    if records is not None and records.has_running():
        job.read()
        rows = ((number, job.rows[number]) for number in job.plan.open)
        keys = {job.requests.key(n, job.requests.of(n, row)) for n, row in rows}
        if running := records.running(keys):
            raise in_another_batch(running)
    return job


def in_another_batch(running: dict[str, set[bytes]]) -> UnavailableError:
    """Return the error of rows that are paid for in a batch that has not ended."""
    id_ = next(iter(running))
    count = len(set().union(*running.values()))
    return UnavailableError(
        tr("{count:,} of these rows are in batch {id}, which has not ended", count=count, id=id_),
        hint=tr(
            "glm.batches()[{id!r}].wait() first; fresh=True asks, and pays, them again", id=id_
        ),
    )


def _written(
    job: BatchJob, records: Records, mode: str, name: str | None, keys: dict[int, bytes]
) -> Record:
    """Write a batch to the disk, in parts that their providers take."""
    schema = job.requests.options.schema
    record = Record(
        run=job.answers.run,
        name=name or "",
        template=job.requests.template,
        written=job.requests.written,
        kind="texts" if job.rows.kind == "texts" else "records",
        schema=json.dumps(OutputSchema(schema).schema) if schema is not None else "",
    )
    lines = list(_lines(job, record, mode, keys))
    if record.parts:
        records.add(record, lines)
    return record


def _lines(job: BatchJob, record: Record, mode: str, keys: dict[int, bytes]) -> Iterator[Line]:
    room = {limit: limit.amount.number - limit.settled(()) for limit in job.budget.limits}
    full: Limit | None = None
    sizes: dict[int, int] = {}
    for number, row in enumerate(job.rows):
        error = job.plan.errors.get(number)
        if error is not None:
            yield Line(number, b"", "", written_row(row), problem=Problem.of(error))
            continue
        call = job.requests.of(number, row)
        body = batch_body(call)
        if mode == "batch":
            body = APIS[call.dialect.name].body(body)
        text = json.dumps(body, ensure_ascii=False)
        key = keys.get(number) or job.requests.key(number, call)
        line = Line(number, key, text, written_row(row), answer=job.plan.ids[number] or None)
        if number in keys:
            usage = Usage(call.size.input, longest_output(call))
            for limit, rest in room.items():
                room[limit] = rest - limit.amount.of(usage, cost_of(call, usage))
                full = limit if full is None and room[limit] < 0 else full
            if full is not None:
                why = tr("{budget} has no room for it", budget=full.name)
                line.problem, job.plan.reasons[number] = left(why), why
            else:
                line.part = _part_for(record, call, mode, len(text.encode()) + _OVERHEAD, sizes)
        yield line


def _part_for(
    record: Record, call: PreparedRequest, mode: str, size: int, sizes: dict[int, int]
) -> int:
    """Return the part that a request goes with; a new one where the last one is full."""
    offer = call.offer
    whom = (offer.provider.name, offer.model.id, offer.provider.base_url)
    most = APIS[call.dialect.name].max_lines if mode == "batch" else None
    for part in reversed(record.parts):
        if (part.provider, part.model, part.base_url) == whom:
            room = most is None or part.lines < most
            if room and (most is None or sizes[part.number] + size <= MAX_BYTES):
                part.lines += 1
                sizes[part.number] += size
                return part.number
            break
    number = len(record.parts)
    record.parts.append(Part(number, *whom, lines=1, state=UNSENT if mode == "batch" else WRITTEN))
    sizes[number] = size
    return number


def _accounts(job: BatchJob, record: Record) -> Callable[[int], PreparedRequest]:
    """Return what returns a request to whom a part is sent, with the key of this call."""
    calls: dict[tuple[str, str, str], PreparedRequest] = {}
    for number in job.plan.open:
        call = job.requests.of(number, job.rows[number])
        provider = call.offer.provider
        calls.setdefault((provider.name, call.offer.model.id, provider.base_url), call)

    def account(number: int) -> PreparedRequest:
        part = record.parts[number]
        return calls.get((part.provider, part.model, part.base_url)) or first_call(part)

    return account


def _found(record: Record) -> Notice:
    day = str(datetime.fromtimestamp(record.at).astimezone().date())
    text = tr("these rows are in batch {id} of {day}; nothing is sent", id=record.id, day=day)
    return Notice("found", text)


def _notices(job: BatchJob, record: Record) -> Iterator[Notice]:
    offer = job.requests.offer
    price = offer.batch_price if offer else None
    if price is not None and record.parts:
        text = tr(
            "figures are at the price of a batch, as of {day}; answers come within 24 hours",
            day=str(price.checked),
        )
        yield Notice("batch", text)
    if len(record.parts) > 1:
        yield Notice("parts", tr("sent in {count} parts", count=len(record.parts)))
