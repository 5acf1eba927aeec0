"""What a call over many rows returns: a frame, replies by row, errors, and what is left.

Answers stay on disk until they are asked for, so the result of a million rows takes no more memory
than its numbers; `MapResult.frame` reads them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..core.i18n import Text, tr
from ..core.price import CostTotal
from ..core.progress import Ballot, Progress
from ..core.turn import Turn
from ..core.usage import Usage
from ..engine.reply import Reply
from ..tools.output_schema import OutputMismatchError, OutputSchema
from .job import Job
from .plan import State

FIGURES = ("reasoning", "input", "output", "cost", "currency", "seconds", "status", "error")
"""The columns after those of the answer."""
BATCH = "batch"
"""Code of the notice of an answer that came in a provider's batch."""
HEAD = 5
"""Rows of the table in the saved output."""


def is_from_batch(turn: Turn) -> bool:
    """Whether an answer came in a provider's batch, at the price of one."""
    return any(notice.code == BATCH for notice in turn.notices)


class RowReply(Reply):
    """The reply about one row.

    Parameters
    ----------
    row : int
        Number of the row, from 0.
    record
        The row itself: a dict, or a text.
    turn, request, value
        As those of a `Reply`.
    """

    def __init__(
        self, row: int, record: Any, turn: Turn, request: Mapping[str, Any], value: Any = None
    ) -> None:
        super().__init__(turn, request, (), value)
        self.row = row
        """Number of the row, from 0."""
        self.record = record
        """The row itself: a dict, or a text."""


class MapResult:
    """The answers about many rows.

    Parameters
    ----------
    job : Job
        The call, at its end.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        """The call itself."""
        self.shown_in: int | None = None
        """The cell whose output shows the call already, by its execution count."""
        self._frame: Any = None
        schema = job.requests.options.schema
        self._schema = OutputSchema(schema) if schema is not None else None

    def __len__(self) -> int:
        return len(self.job.rows)

    def __getitem__(self, row: int) -> RowReply:
        """Return the reply about a row, by its number.

        A row that failed or is left has a reply without an answer.
        """
        number = range(len(self))[row]
        id_ = self.job.plan.ids[number]
        turn = next(self.job.answers.turns([id_]))[1] if self._is_answered(number) else None
        return self.reply(number, turn)

    def __iter__(self) -> Iterator[RowReply]:
        for number, turn in self._turns(range(len(self))):
            yield self.reply(number, turn)

    @property
    def errors(self) -> dict[int, str]:
        """Why rows failed, by their numbers."""
        return {number: error.message for number, error in sorted(self.job.plan.errors.items())}

    @property
    def left(self) -> dict[int, str]:
        """Why rows were not asked, or not to the end, by their numbers."""
        return {number: self._why_left(number) for number in self.job.plan.left()}

    def _why_left(self, number: int) -> Text:
        return self.job.plan.reasons.get(number) or self.job.stopped or tr("stopped")

    @property
    def stopped(self) -> Text | None:
        """Why rows are left; ``None``: none are."""
        return self.job.stopped

    @property
    def usage(self) -> Usage:
        """Tokens that this call took; those of answers that were there before are not counted."""
        return self.job.tally.usage

    @property
    def cost(self) -> CostTotal:
        """What this call cost, one sum for each currency."""
        return self.job.tally.cost

    def when_read(self, show: Callable[[], None]) -> None:
        """Have something called once it is known what is to be asked, before any of it is."""
        self.job.when_read = show

    @property
    def progress(self) -> Progress:
        """The figures of the panel."""
        return self.job.progress

    @property
    def frame(self) -> Any:
        """A frame with the rows as they were given, and the answers beside them.

        It is a polars frame where the rows are one, else a pandas one with the index of the rows.
        Under a schema, its fields are columns in place of ``answer``.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        if self._frame is None:
            self._frame = self.job.rows.to_frame(self._columns(range(len(self))))
        return self._frame

    def to_frame(self) -> Any:
        """Return `frame`, as replies and comparisons do."""
        return self.frame

    def head(self, count: int = HEAD) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Return names and values of the first rows of the table, without a library of frames."""
        numbers = range(min(count, len(self)))
        names = self.job.rows.columns
        records = [self.job.rows.names(self.job.rows[number]) for number in numbers]
        given = {str(name): [r.get(str(name)) for r in records] for name in names}
        columns = {**given, **self._columns(numbers)}
        return list(columns), list(zip(*columns.values(), strict=True))

    def histogram(self) -> Sequence[Ballot]:
        """Return the distinct answers, where the same was asked several times; else none."""
        return ()

    def reply(self, number: int, turn: Turn | None) -> RowReply:
        """Return the reply about a row from its turn; ``None``: it failed or is left."""
        job, record = self.job, self.job.rows[number]
        if turn is not None:
            request = job.requests.of(number, record).wire.body
            return RowReply(number, record, turn, request, self._value(turn))
        error = job.plan.errors.get(number)
        offer = job.requests.offer_of(number)
        provider, model = (offer.provider.name, offer.model.id) if offer else ("", "")
        status = "interrupted" if error is None else "failed"
        message = self._why_left(number) if error is None else error.message
        empty = Turn("", provider, model, (), status, error=message)  # type: ignore[arg-type]
        return RowReply(number, record, empty, {})

    def replies(self) -> Iterator[RowReply]:
        """Yield the reply of each row that has an answer or an error, as they end."""
        for number in self.job.ended():
            turn = None
            if self._is_answered(number):
                _, turn = next(self.job.answers.turns([self.job.plan.ids[number]]))
            yield self.reply(number, turn)

    def _is_answered(self, number: int) -> bool:
        return self.job.plan.states[number] == State.ANSWERED

    def _turns(self, numbers: Sequence[int]) -> Iterator[tuple[int, Turn | None]]:
        """Yield the number and turn of rows, in order."""
        plan = self.job.plan
        answered = (plan.ids[number] for number in numbers if self._is_answered(number))
        turns = self.job.answers.turns(answered)
        for number in numbers:
            yield number, next(turns)[1] if self._is_answered(number) else None

    def _value(self, turn: Turn) -> Any:
        if self._schema is None or not turn.steps:
            return None
        step = turn.steps[-1]
        try:
            if step.content.strip():
                return self._schema.read(step.content)
            return self._schema.read(step.reasoning, last=True)
        except OutputMismatchError:  # the reply was cut, or the class has changed
            return None

    def _columns(self, numbers: Sequence[int]) -> dict[str, list[Any]]:
        """Return the columns of the answers; of a schema, one for each of its fields."""
        answers: list[Any] = []
        figures: dict[str, list[Any]] = {name: [] for name in FIGURES}
        from_batches: list[bool] = []
        for number, turn in self._turns(numbers):
            answers.append(self._answer(turn))
            from_batches.append(turn is not None and is_from_batch(turn))
            for name, value in zip(FIGURES, self._figures(number, turn), strict=True):
                figures[name].append(value)
        if any(from_batches):
            figures["batch"] = from_batches
        fields = list(dict.fromkeys(k for a in answers if isinstance(a, dict) for k in a))
        if not fields:
            return {"answer": answers, **figures}
        of_schema = {
            name: [a.get(name) if isinstance(a, dict) else None for a in answers] for name in fields
        }
        return {**of_schema, **figures}

    def _answer(self, turn: Turn | None) -> Any:
        """Return what stands for an answer in the frame: a dict of fields, a value or a text."""
        if turn is None:
            return None
        if self._schema is None:
            return turn.answer
        from pydantic import TypeAdapter

        return TypeAdapter(Any).dump_python(self._value(turn))

    def _figures(self, number: int, turn: Turn | None) -> tuple[Any, ...]:
        if turn is None:
            error = self.job.plan.errors.get(number)
            why = self._why_left(number) if error is None else error.message
            status = "left" if error is None else "failed"
            return (None, None, None, None, None, None, status, str(why))
        usage = (turn.usage or Usage()) + (turn.estimate or Usage())
        cost = turn.cost
        return (
            turn.reasoning or None,
            usage.input,
            usage.output,
            float(cost.amount) if cost else None,
            cost.currency if cost else None,
            turn.elapsed_s or turn.timing.total_s,
            turn.status,
            None,
        )

    def __repr__(self) -> str:
        now = self.progress
        name = type(self).__name__
        return f"<{name} {now.ended:,} of {now.rows:,} rows, {now.failed:,} failed>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        from ..views.many import current_cell
        from ..views.options import ViewOptions
        from ..views.saved.map_page import map_bundle

        if self.shown_in is not None and self.shown_in == current_cell():
            return {"text/plain": repr(self)}, {}  # as a cell's last line
        return map_bundle(self.progress, self.head(), ViewOptions(), self.histogram())
