"""OpenRouter's batches: the requests stand in the call, and the results in the answer.

Notes
-----
``POST /api/v1/batches`` takes ``endpoint``, ``model`` and ``requests``, in this order: the service
reads as it goes, and refuses ``requests`` that come first. The model is the ``:batch`` variant; a
request without a model of its own gets that one. 202 and ``validating`` mean that the requests are
kept, not that they are answered. At most 5,000 requests, 24 hours, results for 30 days. No call
cancels a batch, and ``DELETE`` only removes one that has ended. A batch that has ended comes with
``results``, and ``GET /batches/{id}/results`` gives them in pages: ``limit`` to 1,000, ``cursor``,
``data``, ``has_more``, ``next_cursor``. openrouter.ai/docs/batch-quickstart and
/docs/api/api-reference/batch, seen 2026-11-28.

A batch takes no label of ours. One whose id did not arrive is recognised by its results, which have
our names; until it has ended, one of the same model, size and time is all that can be found.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from urllib.parse import quote

from ...core.errors import UnsupportedError
from ...core.i18n import tr
from .lines import Result, to_result
from .records import Part
from .remote import AboutTo, Caller, Remote, count

ENDPOINT = "/v1/chat/completions"
VARIANT = ":batch"
PAGE = 500
"""Results that are read together."""
SKEW_S = 300.0
"""By how much the clocks of this computer and of the service may differ."""


class OpenRouterBatches:
    """How OpenRouter spells batches."""

    max_lines = 5_000
    can_cancel = False

    def body(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of a request without the model, which the batch has."""
        return {name: value for name, value in body.items() if name != "model"}

    async def create(
        self, caller: Caller, label: str, lines: Sequence[tuple[bytes, str]], about_to: AboutTo
    ) -> Remote:
        """Make a batch; what counts is its ``id``."""
        del label
        requests = [{"custom_id": key.hex(), "body": json.loads(body)} for key, body in lines]
        body = {"endpoint": ENDPOINT, "model": _model(caller), "requests": requests}
        await about_to()
        return self._remote(caller, await caller.ask_once("/batches", body))

    async def look(self, caller: Caller, id_: str) -> Remote:
        """Return how far a batch is, with its results once it has ended."""
        return self._remote(caller, await caller.ask("GET", f"/batches/{id_}"))

    async def results(self, caller: Caller, remote: Remote) -> AsyncIterator[Result]:
        """Yield the results that came with the batch; in pages, where fewer came than it has."""
        results = remote.about.get("results")
        results = results if isinstance(results, list) else []
        for result in results:
            yield to_result(result)
        cursor = ""
        while len(results) < remote.least:
            page = await caller.ask("GET", f"/batches/{remote.id}/results?limit={PAGE}{cursor}")
            data = page.get("data")
            for result in data if isinstance(data, list) else ():
                yield to_result(result)
            if not page.get("has_more") or not page.get("next_cursor"):
                return
            cursor = f"&cursor={quote(str(page['next_cursor']), safe='')}"

    async def cancel(self, caller: Caller, id_: str) -> Remote:
        """Refuse: there is no such call.

        Raises
        ------
        UnsupportedError
            Always.
        """
        raise UnsupportedError(
            tr("{provider} has no way to cancel a batch", provider=caller.title),
            hint=tr("batch {id} goes on, and is paid; .wait() collects it", id=id_),
            provider=caller.call.offer.provider.name,
        )

    async def search(
        self, caller: Caller, part: Part, label: str, keys: Collection[bytes]
    ) -> tuple[Remote | None, str]:
        """Look for a batch of the same model, size and time; its results tell whether it is it."""
        del label
        candidate = ""
        async for entry in caller.listed():
            if not self._may_be(caller, part, entry):
                continue
            remote = await self.look(caller, str(entry["id"]))
            if not remote.has_ended:
                candidate = remote.id
                continue
            async for result in self.results(caller, remote):
                if result.key in keys:
                    return remote, ""
                break  # one line tells whose batch it is
        return None, candidate

    def _may_be(self, caller: Caller, part: Part, entry: dict[str, Any]) -> bool:
        counts = entry.get("request_counts") or {}
        is_later = count(entry.get("created_at")) >= part.sent_at - SKEW_S
        total = counts.get("total") if isinstance(counts, dict) else None
        return is_later and entry.get("model") == _model(caller) and total in (0, None, part.lines)

    def _remote(self, caller: Caller, answer: dict[str, Any]) -> Remote:
        id_, state = answer.get("id"), answer.get("status")
        if not isinstance(id_, str) or not id_ or not isinstance(state, str):
            raise caller.not_understood()
        counts, error = answer.get("request_counts") or {}, answer.get("error") or {}
        return Remote(
            id_,
            state,
            count(counts.get("completed")),
            count(counts.get("failed")),
            str(error.get("message") or "") if isinstance(error, dict) else str(error),
            answer,
        )


def _model(caller: Caller) -> str:
    return caller.call.offer.wire_id.removesuffix(VARIANT) + VARIANT
