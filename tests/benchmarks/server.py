"""A server in a process of its own that sends prepared bodies, so that its work is not counted.

``/NAME/…`` is answered with the body of that name at once, ``/NAME@chunks/…`` with each record as
an HTTP chunk of its own, ``/NAME@RATE/…`` with so many records a second.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

TICK_S = 0.01
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
RECORDS_A_WRITE = 8


class Bodies:
    """Prepared bodies, and what happened to those who asked for them."""

    def __init__(self, folder: Path) -> None:
        self._records = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in folder.glob("*.json")
        }
        self._asked: list[float] = []
        self._left: list[float] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while path := await _request(reader):
                await self._reply(path, writer)
        except ConnectionError:
            self._left.append(time.monotonic())
        except asyncio.CancelledError:
            pass  # the server ends; asyncio would print this for each connection
        finally:
            writer.close()

    async def _reply(self, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/times":
            body = json.dumps({"asked": self._asked, "left": self._left}).encode()
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            return
        self._asked.append(time.monotonic())
        name, _, way = path.split("/")[1].partition("@")
        records = [record.encode() for record in self._records[name]]
        if way == "":
            body = b"".join(records)
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        else:
            writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            await _in_chunks(records, writer, 0 if way == "chunks" else float(way))


async def _request(reader: asyncio.StreamReader) -> str | None:
    """Read one request; return its path."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    fields = head.decode("latin-1").lower().split("\r\n")
    length = next((int(f.split(":")[1]) for f in fields if f.startswith("content-length:")), 0)
    await reader.readexactly(length)
    return head.decode("latin-1").split(" ", 2)[1]


async def _in_chunks(records: Sequence[bytes], writer: asyncio.StreamWriter, rate: float) -> None:
    """Send each record as an HTTP chunk, `rate` a second, or 8 a write as fast as they are read."""
    chunks = [b"%x\r\n%b\r\n" % (len(record), record) for record in records]
    began, sent = time.monotonic(), 0
    while sent < len(chunks):
        due = RECORDS_A_WRITE if not rate else int((time.monotonic() - began) * rate) - sent
        if due > 0:
            writer.write(b"".join(chunks[sent : sent + due]))
            await writer.drain()
            sent += due
        if rate:
            await asyncio.sleep(TICK_S)
            if writer.transport.is_closing():
                raise ConnectionResetError
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def serve(folder: Path) -> None:
    """Serve until standard input ends."""
    server = await asyncio.start_server(Bodies(folder).answer, "127.0.0.1", 0, limit=2**24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def served(folder: Path, bodies: Mapping[str, Sequence[bytes]]) -> Iterator[str]:
    """Run a server with these bodies; give its address."""
    for name, records in bodies.items():
        text = json.dumps([record.decode() for record in records])
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.server", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def times(url: str) -> dict[str, list[float]]:
    """Return when requests came and clients left, by this computer's monotonic clock."""
    with urlopen(f"{url}/times", timeout=10) as response:
        return dict(json.load(response))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
