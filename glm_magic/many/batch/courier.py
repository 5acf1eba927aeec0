"""Sends the parts of a batch, asks how far they are, and collects them, on the I/O thread.

What is sent is never sent again by itself: where it is not known whether a provider took a part,
its batches are searched for it, and then the user decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from ...core.errors import (
    ApiError,
    ConnectionFailedError,
    GlmError,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from ...core.i18n import Text, joined, tr
from ...engine.prepared import PreparedRequest
from .bigmodel import BigModelBatches
from .lines import Result
from .openrouter import OpenRouterBatches
from .records import SENDING, UNKNOWN, UNSENT, WRITTEN, Line, Part, Problem, Record, Records, left
from .remote import BatchApi, Caller, Remote

if TYPE_CHECKING:
    from ...wire.http import HttpClient

APIS: dict[str, BatchApi] = {"openrouter": OpenRouterBatches(), "bigmodel": BigModelBatches()}
"""How batches are spelled, by dialect."""
AT_ONCE = 200
"""Answers that are written together."""
PASSING = (ConnectionFailedError, RateLimitError, ServerError)
"""Errors of a question that is asked again."""


class RowKeeper(Protocol):
    """What becomes of the rows."""

    def keep(self, account: PreparedRequest, some: Iterable[tuple[Line, Result]]) -> None:
        """Write answers to the disk."""

    def catch_up(self) -> None:
        """Take the rows as the disk has them."""

    def reload(self) -> None:
        """Take the parts and the rows as the disk has them: another process may be at it."""

    def reach_end(self) -> None:
        """Note that nothing more will come."""


class Courier:
    """Brings the parts of one batch to their providers, and back what became of them.

    Parameters
    ----------
    record : Record
        The batch, as the disk has it; its parts are kept up to date.
    records : Records
        Where it is kept.
    account : callable
        Returns a request to whom a part is sent.
    rows : RowKeeper
        Takes what came back.
    """

    def __init__(
        self,
        record: Record,
        records: Records,
        account: Callable[[int], PreparedRequest],
        rows: RowKeeper,
    ) -> None:
        self.record, self.records = record, records
        self._account, self._rows = account, rows

    def _caller(self, client: HttpClient, part: Part) -> tuple[BatchApi, Caller]:
        call = self._account(part.number)
        return APIS[call.dialect.name], Caller(client, call)

    def _label(self, part: Part) -> str:
        return f"{self.record.id}-{part.number}"

    async def _save(self, part: Part) -> None:
        await asyncio.to_thread(self.records.save, self.record, part)

    async def send(self, client: HttpClient, *, again: bool = False) -> None:
        """Send what was not sent; `again`: and what may have been.

        Raises
        ------
        GlmError
            A part was refused, or it is not known whether it was taken; the rest was not sent.
        """
        self.record.parts[:] = await asyncio.to_thread(self.records.parts, self.record.id)
        states = (UNSENT, UNKNOWN, SENDING) if again else (UNSENT,)
        for part in self.record.parts:
            if part.state in states and not part.is_collected:
                await self._send(client, part)

    async def _send(self, client: HttpClient, part: Part) -> None:
        api, caller = self._caller(client, part)
        lines = [(line.key, line.body) for line in self.records.lines(self.record, part.number)]
        part.state = UNSENT

        async def about_to() -> None:
            part.state, part.sent_at, part.problem = SENDING, time.time(), None
            await self._save(part)

        try:
            remote = await api.create(caller, self._label(part), lines, about_to)
        except GlmError as error:
            was_taken = part.state == SENDING and not _is_refusal(error)
            part.state = UNKNOWN if was_taken else UNSENT
            part.problem = Problem.of(error)
            await self._save(part)
            if not was_taken:
                raise self._not_sent(error) from None
            await self._search(client, part)
            if not part.remote:
                raise self._unknown(part, error) from None
        else:
            await self._take(part, remote)

    def _not_sent(self, error: GlmError) -> GlmError:
        """Return the error of a part that was not taken, for the user to go on from."""
        if any(part.remote for part in self.record.parts):
            hint = tr("what was sent goes on; send the rest with .send()")
            error.hint = joined([h for h in (error.hint, hint) if h], "; ")
        return error

    def _unknown(self, part: Part, error: GlmError) -> GlmError:
        return type(error)(
            tr(
                "it is not known whether part {number} of batch {id} was taken: {error}",
                number=part.number + 1,
                id=self.record.id,
                error=error.message,
            ),
            hint=self.what_to_do(part),
            provider=part.provider,
        )

    def what_to_do(self, part: Part) -> Text:
        """Return how to go on with a part that may have been taken."""
        if part.problem is not None and part.problem.hint:
            return part.problem.hint  # type: ignore[return-value]
        return tr(".refresh() looks for it again; .send(again=True) sends it again, and may pay it")

    async def cancel(self, client: HttpClient) -> None:
        """Ask the providers for the end of every part; what was not sent never will be.

        Raises
        ------
        GlmError
            A provider cannot, or refuses.
        """
        for part in self.record.parts:
            if part.state == UNSENT and not part.is_collected:
                why = left(tr("cancelled before it was sent"))
                keys = [line.key for line in self.records.lines(self.record, part.number)]
                self.records.settle(self.record, [(key, None, why) for key in keys])
                self._rows.catch_up()
                part.state, part.is_collected, part.problem = "cancelled", True, why
                await self._save(part)
        for part in self.record.parts:
            if part.remote and not part.is_collected:
                api, caller = self._caller(client, part)
                await self._take(part, await api.cancel(caller, part.remote))

    async def _search(self, client: HttpClient, part: Part) -> None:
        """Look for a part whose id did not arrive among the batches of its account."""
        api, caller = self._caller(client, part)
        keys = {line.key for line in self.records.lines(self.record, part.number)}
        try:
            remote, candidate = await api.search(caller, part, self._label(part), keys)
        except PASSING:
            return
        part.state = UNKNOWN
        if remote is not None:
            await self._take(part, remote)
            return
        provider = caller.title
        hint = tr(
            "{provider} lists no batch like it; .send(again=True) sends it again", provider=provider
        )
        if candidate:
            hint = tr(
                "batch {id} at {provider} may be it; .refresh() knows once that has ended",
                id=candidate,
                provider=provider,
            )
        part.problem = Problem(part.problem.message if part.problem else "", hint)
        await self._save(part)

    async def _take(self, part: Part, remote: Remote) -> None:
        part.remote, part.state, part.problem = remote.id, remote.state, None
        part.completed, part.failed = remote.completed, remote.failed
        await self._save(part)

    async def refresh(self, client: HttpClient) -> None:
        """Ask how far each part is, and collect those that have ended.

        Raises
        ------
        GlmError
            A provider refuses to tell, or does not know the batch.
        """
        await asyncio.to_thread(self._rows.reload)
        for part in self.record.parts:
            if part.is_collected or part.state in (UNSENT, WRITTEN):
                continue
            if not part.remote:
                await self._search(client, part)
            if part.remote:
                api, caller = self._caller(client, part)
                remote = await self._look(api, caller, part)
                await self._take(part, remote)
                if remote.has_ended:
                    await self._collect(api, caller, part, remote)

    async def _look(self, api: BatchApi, caller: Caller, part: Part) -> Remote:
        try:
            return await api.look(caller, part.remote)
        except ApiError as error:
            if error.status != 404:
                raise
            raise NotFoundError(
                tr("{provider} does not know batch {id}", provider=caller.title, id=part.remote),
                hint=tr("it was deleted there, or belongs to the account of another key"),
                provider=part.provider,
                status=error.status,
                code=error.code,
            ) from None

    def how_far(self) -> Text:
        """Return the states of the parts that have not been collected."""
        parts = [p for p in self.record.parts if not p.is_collected]
        texts = [
            tr(
                "{id} at {provider}: {state}, {ended:,} of {lines:,}",
                id=part.remote or part.number + 1,
                provider=part.provider,
                state=part.state,
                ended=part.completed + part.failed,
                lines=part.lines,
            )
            for part in parts
        ]
        return joined(texts, " · ")

    async def _collect(self, api: BatchApi, caller: Caller, part: Part, remote: Remote) -> None:
        """Keep what came back of a part, and note why the rest of it has nothing."""
        waiting = {
            line.key: line
            for line in self.records.lines(self.record, part.number)
            if line.answer is None and line.problem is None
        }
        some: list[tuple[Line, Result]] = []
        came: set[str] = set()
        async for result in api.results(caller, remote):
            came.add(result.name)
            line = waiting.pop(result.key, None)
            if line is not None:
                some.append((line, result))
            if len(some) >= AT_ONCE:
                await asyncio.to_thread(self._rows.keep, caller.call, some)
                some = []
        await asyncio.to_thread(self._rows.keep, caller.call, some)
        if len(came) < remote.least:
            raise caller.too_few(remote, len(came))
        why = left(_why_without(part, remote))
        await asyncio.to_thread(
            self.records.settle, self.record, [(key, None, why) for key in waiting]
        )
        await asyncio.to_thread(self._rows.catch_up)
        part.is_collected = True
        part.problem = why if remote.state != "completed" else None
        await self._save(part)
        if not self.record.is_open:
            await asyncio.to_thread(self._rows.reach_end)


def _is_refusal(error: GlmError) -> bool:
    """Whether an error of a request to make a batch says that none was made."""
    if isinstance(error, ConnectionFailedError):
        return bool(error.retryable)  # no connection was made
    status = error.status or 0
    return isinstance(error, ApiError) and 400 <= status < 500 and status != 408


def _why_without(part: Part, remote: Remote) -> Text:
    """Return why a row of a batch that has ended has neither an answer nor an error."""
    if remote.state == "failed":
        return tr("the batch failed: {problem}", problem=remote.problem or remote.id)
    if remote.state == "expired":
        return tr("the batch expired before it was answered")
    if remote.state == "cancelled":
        return tr("the batch was cancelled before it was answered")
    return tr("{provider} sent no line for it", provider=part.provider)
