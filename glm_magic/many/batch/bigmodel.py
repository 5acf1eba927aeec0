"""BigModel's batches: a file of requests, and one or two files of results.

Notes
-----
``POST /files`` (multipart, ``purpose=batch``, a ``.jsonl`` of at most 50,000 lines and 100 MB),
then ``POST /batches`` with ``input_file_id``, ``endpoint``, ``auto_delete_input_file`` and
``metadata``.
``GET /batches/{id}`` names ``output_file_id`` and, where lines failed, ``error_file_id``;
``GET /files/{id}/content`` gives their lines. ``POST /batches/{id}/cancel`` cancels. The account
needs real-name verification, and each model has a queue; what is beyond it is refused.
docs.bigmodel.cn/cn/guide/tools/batch, /cn/faq/batch-api-issues and /api-reference, seen 2026-11-28.

A batch whose id did not arrive is found in the list by its ``metadata``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from .lines import Result, read_line
from .records import Part
from .remote import MAX_REPLY_BYTES, AboutTo, Caller, Remote, count

ENDPOINT = "/v4/chat/completions"
LABEL = "glm_magic"
"""Key of the metadata that says which part of ours a batch is."""


class BigModelBatches:
    """How BigModel spells batches."""

    max_lines = 50_000
    can_cancel = True

    def body(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of a request as it is: each line names its model."""
        return body

    async def create(
        self, caller: Caller, label: str, lines: Sequence[tuple[bytes, str]], about_to: AboutTo
    ) -> Remote:
        """Upload the file, and make a batch of it."""
        file = await self._upload(caller, label, b"".join(map(_line, lines)))
        body = {
            "input_file_id": file,
            "endpoint": ENDPOINT,
            "auto_delete_input_file": True,
            "metadata": {LABEL: label},
        }
        await about_to()
        return self._remote(caller, await caller.ask_once("/batches", body))

    async def _upload(self, caller: Caller, label: str, content: bytes) -> str:
        boundary = f"glm-{secrets.token_hex(16)}"
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{label}.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        form = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        answer = await caller.ask("POST", "/files", content=form, headers=headers)
        if not isinstance(answer.get("id"), str):
            raise caller.not_understood()
        return str(answer["id"])

    async def look(self, caller: Caller, id_: str) -> Remote:
        """Return how far a batch is."""
        return self._remote(caller, await caller.ask("GET", f"/batches/{id_}"))

    async def results(self, caller: Caller, remote: Remote) -> AsyncIterator[Result]:
        """Yield the lines of the file of results, and of the file of errors."""
        for name in ("output_file_id", "error_file_id"):
            if file := remote.about.get(name):
                async with caller.open("GET", f"/files/{file}/content") as response:
                    async for line in _lines_of(caller, response.chunks):
                        yield read_line(line)

    async def cancel(self, caller: Caller, id_: str) -> Remote:
        """Ask for the end of a batch."""
        return self._remote(caller, await caller.ask("POST", f"/batches/{id_}/cancel"))

    async def search(
        self, caller: Caller, part: Part, label: str, keys: Collection[bytes]
    ) -> tuple[Remote | None, str]:
        """Look for a batch by its metadata."""
        del part, keys
        async for entry in caller.listed():
            metadata = entry.get("metadata")
            if isinstance(metadata, dict) and metadata.get(LABEL) == label:
                return await self.look(caller, str(entry["id"])), ""
        return None, ""

    def _remote(self, caller: Caller, answer: dict[str, Any]) -> Remote:
        id_, state = answer.get("id"), answer.get("status")
        if not isinstance(id_, str) or not id_ or not isinstance(state, str):
            raise caller.not_understood()
        counts = answer.get("request_counts")
        # the page shows the counts both ways: in an object of their own, and beside it
        counts = counts if isinstance(counts, dict) else answer
        return Remote(
            id_, state, count(counts.get("completed")), count(counts.get("failed")),
            _problem(answer.get("errors")), answer,
        )  # fmt: skip


def _line(line: tuple[bytes, str]) -> bytes:
    key, body = line
    head = json.dumps({"custom_id": key.hex(), "method": "POST", "url": ENDPOINT})
    return f'{head[:-1]}, "body": {body}}}\n'.encode()


def _problem(errors: Any) -> str:
    """Return the first error of a file that was refused, and its line."""
    data = errors.get("data") if isinstance(errors, dict) else errors
    first = data[0] if isinstance(data, list) and data else {}
    if not isinstance(first, dict):
        return str(first)
    words = [str(first.get("message") or first.get("code") or "")]
    line = first.get("line")
    return " ".join(filter(None, [*words, f"(line {line})" if line else ""]))


async def _lines_of(caller: Caller, chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if len(held) > MAX_REPLY_BYTES:
            raise caller.not_understood()
        if b"\n" in chunk:
            *lines, rest = bytes(held).split(b"\n")
            held = bytearray(rest)
            for line in lines:
                if line.strip():
                    yield line.decode("utf-8", "replace")
    if held.strip():
        yield bytes(held).decode("utf-8", "replace")
