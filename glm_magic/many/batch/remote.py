"""What the batch APIs have in common: one small request, and what became of a batch."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ...core.errors import GlmError, ProtocolError
from ...core.i18n import tr
from ...engine.prepared import PreparedRequest
from ...engine.redaction import without_key
from ...wire.echoes import without_secrets
from ...wire.request import WireRequest
from .lines import Result
from .records import Part

if TYPE_CHECKING:
    from ...wire.http import HttpClient, HttpResponse

ENDED = ("completed", "failed", "expired", "cancelled")
"""States of a batch in which nothing more comes of it, at OpenRouter and at BigModel."""
MAX_BYTES = 100_000_000
"""Of the requests of one batch. BigModel's limit is 100 MB (docs.bigmodel.cn, seen 2026-11-28);
OpenRouter names none, and a body beyond this is no longer a request that one can send again."""
MAX_REPLY_BYTES = 1024**3
"""Of an answer that is read as a whole."""
PAGE = 100
"""Batches that are listed together."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A batch as its provider describes it."""

    id: str
    state: str
    completed: int = 0
    failed: int = 0
    problem: str = ""
    """Why it failed as a whole."""
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All that was told."""

    @property
    def least(self) -> int:
        """How many results it has at least: failed lines may count as completed ones, or not."""
        return max(self.completed, self.failed)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ENDED


AboutTo = Callable[[], Awaitable[None]]
"""Notes on the disk that a batch is about to be made; before that, nothing costs anything."""


class BatchApi(Protocol):
    """How one provider's batches are spelled. It holds no state."""

    max_lines: int
    can_cancel: bool

    def body(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of a request as it stands in a line."""

    async def create(
        self, caller: Caller, label: str, lines: Sequence[tuple[bytes, str]], about_to: AboutTo
    ) -> Remote:
        """Make a batch of requests, each a key and a body; wait for `about_to` before."""

    async def look(self, caller: Caller, id_: str) -> Remote:
        """Return how far a batch is."""

    def results(self, caller: Caller, remote: Remote) -> AsyncIterator[Result]:
        """Yield what came back of a batch that has ended."""

    async def cancel(self, caller: Caller, id_: str) -> Remote:
        """Ask for the end of a batch; what has ended by then is kept, and paid."""

    async def search(
        self, caller: Caller, part: Part, label: str, keys: Collection[bytes]
    ) -> tuple[Remote | None, str]:
        """Look for a batch whose id did not arrive; else return the id of one that may be it."""


class Caller:
    """Sends the requests about batches to one account.

    Parameters
    ----------
    client : HttpClient
        Where they go through.
    call : PreparedRequest
        Any request to that account: it knows address, dialect and key.
    """

    def __init__(self, client: HttpClient, call: PreparedRequest) -> None:
        self._client, self.call = client, call

    @property
    def title(self) -> str:
        """The provider's name for a person."""
        return self.call.offer.provider.title

    @asynccontextmanager
    async def open(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any
    ) -> AsyncIterator[HttpResponse]:
        """Send a request, and give its open response.

        Raises
        ------
        GlmError
            It was refused, or the connection failed.
        """
        from ...wire.http import read_error_body

        call, provider = self.call, self.call.offer.provider
        query = "&".join(filter(None, [path.partition("?")[2], provider.query]))
        url = f"{provider.base_url}{path.partition('?')[0]}{'?' if query else ''}{query}"
        request = WireRequest(url, body or {}, method=method, **more)
        try:
            async with self._client.post(request, call.key, call.idle_timeout_s) as response:
                if response.status < 300:
                    yield response
                    return
                text = await read_error_body(response)
                if call.key is not None:
                    text = without_secrets(text, call.key.spellings)
                raise call.dialect.error(call.offer, response.status, response.headers, text)
        except GlmError as error:
            raise (without_key(error, call.key.spellings) if call.key else error) from None

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Send a request, and return the object that answers it.

        Raises
        ------
        GlmError
            It was refused, the connection failed, or the answer is no JSON object.
        """
        async with self.open(method, path, body, **more) as response:
            text = bytearray()
            async for chunk in response.chunks:
                text += chunk
                if len(text) > MAX_REPLY_BYTES:
                    raise self.not_understood()
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self.not_understood()
        return answer

    async def ask_once(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request that must not arrive twice, on a connection of its own.

        One that was kept may be closed just then, and the client sends the request again where it
        takes it for unread; a server that had read it would do it twice.
        """
        from ...wire.http import HttpClient

        client = HttpClient()
        try:
            return await Caller(client, self.call).ask("POST", path, body)
        finally:
            await client.aclose()

    def too_few(self, remote: Remote, came: int) -> ProtocolError:
        """Return the error of a batch of which fewer results came than it says to have."""
        return ProtocolError(
            tr(
                "batch {id} has {least:,} results, and {provider} sent {came:,}",
                id=remote.id,
                least=remote.least,
                provider=self.title,
                came=came,
            ),
            hint=tr("what came is kept; .wait() asks for the rest"),
            provider=self.call.offer.provider.name,
        )

    def not_understood(self) -> ProtocolError:
        """Return the error of an answer that says nothing about a batch."""
        return ProtocolError(
            tr("{provider} answered with something that is no batch", provider=self.title),
            hint=tr("is the base URL right? A gateway may not know batches"),
            provider=self.call.offer.provider.name,
        )

    async def listed(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the account's batches, as both APIs list them: ``data``, ``has_more``, ``last_id``.

        A page that says it is not the last one and brings nothing new ends the list.
        """
        after, seen = "", set[str]()
        while True:
            page = await self.ask("GET", f"/batches?limit={PAGE}{after}")
            entries = [e for e in page.get("data") or () if isinstance(e, dict)]
            new = [entry for entry in entries if entry.get("id") not in seen]
            for entry in new:
                seen.add(str(entry.get("id")))
                yield entry
            if not page.get("has_more") or not new:
                return
            after = f"&after={page.get('last_id') or entries[-1].get('id')}"


def count(value: Any) -> int:
    """Return a count that an API told, or 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
