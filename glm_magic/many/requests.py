"""A row -> its prompt -> the request that asks about it, and the key by which its answer is kept.

The model, the key and the options are looked up once; only the messages differ from row to row.
The key is a digest of what is sent and of whom it is sent to: the prompt, the system message, the
options, the schema, the model and the provider are all in it.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..catalogue.load import catalogue
from ..catalogue.lookup import nearest
from ..catalogue.schema import Offer
from ..core.errors import GlmError, InvalidValueError
from ..core.i18n import tr
from ..core.messages import Message
from ..core.turn import Notice
from ..engine.interpolate import interpolate
from ..engine.keywords import messages_of
from ..engine.options import Options
from ..engine.prepare import prepare
from ..engine.prepared import PreparedRequest, check_alone
from ..engine.tapes import open_tape
from .budget import RowBudget
from .rows import ROW, Rows, refuse_missing

Prompt = str | Callable[[Any], Any] | None
"""A template, a function of the row that returns a text or messages, or nothing for texts."""
KEY_BYTES = 16


class Requests:
    """Makes the requests of one call.

    Parameters
    ----------
    rows : Rows
        What is asked about.
    prompt : Prompt
        How.
    options : Options
        What was set for all of them.
    needs_key : bool
        False where whoever sends them has the key.

    Raises
    ------
    RefusedError
        No request can be made, whatever is in the rows.
    """

    kind = "map"
    """What the sums call it."""
    lane_count = 1
    """In how many ways rows are asked."""

    def __init__(
        self, rows: Rows, prompt: Prompt, options: Options, *, needs_key: bool = True
    ) -> None:
        self.options = options
        self._needs_key = needs_key
        self._rows, self._prompt = rows, prompt
        self._models = catalogue()
        _check_prompt(rows, prompt)
        example = prompt if isinstance(prompt, str) else "a row"
        self._first: PreparedRequest | None = None
        if open_tape(options.tape, options.speed) is None:
            self._first = self._prepare((Message("user", example),))

    def _prepare(self, messages: Sequence[Message]) -> PreparedRequest:
        return prepare(messages, self.options, catalogue=self._models, start_local=self._needs_key)

    @property
    def firsts(self) -> Sequence[PreparedRequest]:
        """The request that stands for all rows, of each lane; none where a tape decides."""
        return [] if self._first is None else [self._first]

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know before anything is sent."""
        return [*(self._first.notices if self._first else ()), *self._unknown()]

    def _unknown(self) -> Iterator[Notice]:
        """Yield a notice on each name in braces that is no column, and is sent as it is written."""
        if not isinstance(self._prompt, str):
            return
        names = [ROW, *map(str, self._rows.columns)]
        for name in interpolate(self._prompt, dict.fromkeys(names, "")).unknown:
            text = tr(
                "{name} is no column, and is sent as it is written; {guess}",
                name=f"{{{name}}}",
                guess=nearest(name, names) or tr("columns are {names}", names=", ".join(names[1:])),
            )
            yield Notice("no-column", text)

    @property
    def offer(self) -> Offer | None:
        """Who is asked; ``None`` where a tape decides."""
        return self._first.offer if self._first else None

    def lane(self, number: int) -> int:  # noqa: ARG002 - those of a sweep differ
        """Return in which of the ways a row is asked."""
        return 0

    def offer_of(self, number: int) -> Offer | None:  # noqa: ARG002 - those of a sweep differ
        """Return who is asked about a row."""
        return self.offer

    @property
    def written(self) -> str:
        """The prompt as it was written; the name of a function that writes it."""
        if isinstance(self._prompt, str):
            return self._prompt
        return getattr(self._prompt, "__name__", "")

    def check(self, budget: RowBudget) -> Sequence[Notice]:
        """Refuse a budget that cannot be applied.

        Raises
        ------
        InvalidValueError
            The price is not known, or is in another currency.
        """
        return budget.check(self._first) if self._first else ()

    @property
    def template(self) -> str:
        """A digest of what all rows have in common; only a part of it where a function asks."""
        if self._first is None:
            return ""
        kind = "text" if isinstance(self._prompt, str) else "function"
        return f"{kind} {key_of(self._first).hex()}"

    def of(self, number: int, row: Any) -> PreparedRequest:
        """Return the request about a row.

        Raises
        ------
        GlmError
            It cannot be asked about.
        """
        try:
            messages = self._messages(row)
            first = self._first
            if first is None or len(messages) != 1 or not messages[0].content.strip():
                return check_alone(self._prepare(messages))
            before = first.request.messages[:-1]
            return check_alone(first.about((*before, *messages)))
        except GlmError:
            raise
        except Exception as error:  # the user's function
            raise InvalidValueError(
                tr(
                    "the function that writes the prompt failed at row {number}: {error}",
                    number=number,
                    error=f"{type(error).__name__}: {error}"[:200],
                ),
                hint=tr("the row was not asked"),
            ) from error

    def key(self, number: int, call: PreparedRequest) -> bytes:  # noqa: ARG002 - samples differ
        """Return the key under which the answer about a row is kept."""
        return key_of(call)

    def _messages(self, row: Any) -> tuple[Message, ...]:
        if callable(self._prompt):
            return messages_of(self._prompt(row))
        if self._prompt is None:
            return messages_of(row)
        filled = interpolate(self._prompt, self._rows.names(row), refuse_missing)
        if filled.failed:
            raise InvalidValueError(
                tr("the prompt lacks a value: {failed}", failed="; ".join(filled.failed)),
                hint=tr("fill the cell, or leave the row out; the row was not asked"),
            )
        return messages_of(filled.text)


def key_of(call: PreparedRequest) -> bytes:
    """Return the key of a request: equal for equal requests to the same model at one address."""
    sent = f"{call.wire.url}\n{call.offer.provider.name}\n{_canonical(call.wire.body)}"
    return hashlib.sha256(sent.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]


_canonical = json.JSONEncoder(sort_keys=True, default=str).encode


def _check_prompt(rows: Rows, prompt: Prompt) -> None:
    if callable(prompt):
        if inspect.iscoroutinefunction(prompt):
            raise InvalidValueError(
                tr("the function that writes the prompt is asynchronous"),
                hint=tr("write it with def; it is called with one row, and returns a text"),
            )
        return
    if isinstance(prompt, str):
        names = [ROW, *map(str, rows.columns)]
        roots = interpolate(prompt, dict.fromkeys(names, "")).roots
        rows.check_unique(roots - {ROW})
        if roots or not len(rows):
            return
        columns = ", ".join(map(str, rows.columns[:12]))
        raise InvalidValueError(
            tr("the prompt names no column of the rows; nothing was sent"),
            hint=tr("write one in braces; there are {columns}", columns=columns),
        )
    if prompt is None and rows.kind == "texts":
        return
    raise InvalidValueError(
        tr("a prompt for rows is a text with {{column}} in it, or a function of the row"),
        hint=tr("without one, the rows have to be texts"),
    )
