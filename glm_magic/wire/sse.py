"""Bytes of a response body -> records, without I/O.

A body is one of two things, whatever its content type says: a stream of server-sent events, or one
document (a whole JSON reply, or a web page from a proxy). The first character tells them apart: an
event stream begins with a field name or a colon, never with ``{``, ``[`` or ``<``. A body whose
first line is a whole JSON object, with more to follow, is read line by line like an event stream:
it comes from a server that leaves ``data:`` out.

Notes
-----
Lines end at CR, LF or CRLF only. U+2028, U+2029 and U+0085 occur unescaped inside JSON strings, so
splitting a decoded text into lines by Unicode rules corrupts data lines.
Event stream format: https://html.spec.whatwg.org/multipage/server-sent-events.html (2026-11).
"""

from __future__ import annotations

import json
import re
from typing import Literal, NamedTuple

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""Longest record accepted; a whole tool argument can arrive in one, fifty megabytes cannot."""

_LINE_BYTES = 50
"""What a line costs beside its bytes: a million empty ones are as much as one long one."""

_NO_HEAD: tuple[str, int | None] = ("", None)
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b"error:")
_IGNORED = (b"id", b"retry")
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_PLAIN = re.compile(
    rb"(?:id:[^\n]*+\n)?+(?:event: ?+([^\n]*+)\n)?+(?::HTTP_STATUS/(\d{3})[^\n]*+\n)?+"
    rb"data: ?+([^\n]++)\n\n"
)
"""A whole record as nearly all are: one line of data, after the few fields that a service adds.

Each of its lines is read once, whether it matches or not.
"""


class Record(NamedTuple):
    """One server-sent event, or a body that is a single document."""

    data: str
    """The ``data`` lines joined with LF, or the whole document."""
    event: str = ""
    """The ``event`` field; empty when there is none."""
    http_status: int | None = None
    """Status in a ``:HTTP_STATUS/NNN`` comment (Model Studio's native protocol)."""
    kind: Literal["event", "document", "line"] = "event"
    """``line``: a line of an event stream that is no field of it, such as a gateway's message."""
    cut: bool = False
    """True when the body ended before the record did."""


class RecordTooLongError(ValueError):
    """A record grew past `MAX_RECORD_BYTES`."""


class _Lines:
    """Split bytes into lines; a line end may be cut between two chunks."""

    __slots__ = ("_held", "_size", "_skip_lf")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._skip_lf = False

    def feed(self, chunk: bytes) -> list[bytes]:
        if self._skip_lf and chunk:
            self._skip_lf = False
            if chunk[0] == 0x0A:
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._skip_lf = chunk[-1] == 0x0D
            lines = _LINE_END.split(chunk)
        else:
            lines = chunk.split(b"\n")
        last = lines.pop()
        if lines and self._held:
            lines[0] = b"".join((*self._held, lines[0]))
            self._held.clear()
            self._size = 0
        if last:
            self._held.append(last)
            self._size += len(last)
            if self._size > MAX_RECORD_BYTES:
                raise RecordTooLongError
        return lines

    @property
    def between(self) -> bool:
        """Whether the bytes so far end with a whole line, its whole end included."""
        return not (self._held or self._skip_lf)

    def finish(self) -> bytes:
        rest = b"".join(self._held)
        self._held.clear()
        return rest


class _Events:
    """Server-sent events: those of a plain form at once, others line by line."""

    __slots__ = ("_data", "_event", "_head", "_lines", "_size", "_status")

    def __init__(self) -> None:
        self._lines = _Lines()
        self._data: list[bytes] = []
        self._size = 0
        self._event = ""
        self._status: int | None = None
        self._head = _NO_HEAD
        """Event name and status of the record in `_data`; what came after waits in the fields."""

    def feed(self, chunk: bytes) -> list[Record]:
        records: list[Record] = []
        is_simple = b"\r" not in chunk and len(chunk) < MAX_RECORD_BYTES - _LINE_BYTES
        at = 0
        while is_simple and at < len(chunk):
            if self._is_between:
                at = self._plain(chunk, at, records)
            end = chunk.find(b"\n", at) + 1
            if not end:
                break
            self._by_line(chunk[at:end], records)
            at = end
        self._by_line(chunk[at:], records)
        return records

    @property
    def _is_between(self) -> bool:
        """Whether a record ended with the last line, and nothing of another one has come."""
        has_fields = self._event or self._status is not None
        return not (self._data or has_fields) and self._lines.between

    def _plain(self, chunk: bytes, at: int, records: list[Record]) -> int:
        """Add the records from a position on that are of the plain form; return where they end."""
        match = _PLAIN.match
        while record := match(chunk, at):
            event, status, data = record.groups()
            at = record.end()
            if event or status:
                name = event.decode("utf-8", "replace") if event else ""
                head = (name, int(status) or None if status else None)
                records.append(Record(data.decode("utf-8", "replace"), *head))
            else:
                records.append(Record(data.decode("utf-8", "replace")))
        return at

    def _by_line(self, chunk: bytes, records: list[Record]) -> None:
        for line in self._lines.feed(chunk):
            self._line(line, records)

    def finish(self) -> list[Record]:
        records: list[Record] = []
        rest = self._lines.finish()
        if rest and not any(name.startswith(rest) for name in _FIELDS):
            self._line(rest, records)
        self._dispatch(records)
        return [*records[:-1], *(record._replace(cut=True) for record in records[-1:])]

    def _line(self, line: bytes, records: list[Record]) -> None:
        if line.startswith(b"data:"):
            self._add_data(line[6:] if line[5:6] == b" " else line[5:], records)
        elif not line:
            self._dispatch(records)
        elif line[0] == 0x3A:
            self._comment(line)
        else:
            self._field(line, records)

    def _add_data(self, value: bytes, records: list[Record]) -> None:
        # Some servers separate events by single newlines. No JSON object is the beginning of a
        # longer one, so a data line that is whole JSON ends its event when another follows. So does
        # one that was cut off: no JSON string goes on in the next line.
        if len(self._data) == 1 and (_is_whole(self._data[0]) or _is_in_string(self._data[0])):
            self._emit(records)
        if not value and not self._data:
            return  # a keep-alive
        self._take_fields()
        self._data.append(value)
        self._size += len(value) + _LINE_BYTES
        if self._size > MAX_RECORD_BYTES:
            raise RecordTooLongError

    def _comment(self, line: bytes) -> None:
        if line.startswith(b":HTTP_STATUS/") and line[13:16].isdigit():
            self._status = int(line[13:16])

    def _field(self, line: bytes, records: list[Record]) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"error":
            # Old llama.cpp builds write an error as a field of its own.
            self._dispatch(records)
            records.append(Record(value.decode("utf-8", "replace"), "error"))
        elif name == b"data":
            self._add_data(b"", records)
        elif name not in _IGNORED and not line.isspace():
            records.append(Record(line.decode("utf-8", "replace"), kind="line"))

    def _take_fields(self) -> None:
        if self._event or self._status:
            event, status = self._head
            self._head = self._event or event, self._status or status
            self._event, self._status = "", None

    def _dispatch(self, records: list[Record]) -> None:
        self._take_fields()
        self._emit(records)

    def _emit(self, records: list[Record]) -> None:
        if self._data:
            data = b"\n".join(self._data).decode("utf-8", "replace")
            if data:
                records.append(Record(data, *self._head))
            self._data.clear()
            self._size = 0
        self._head = _NO_HEAD


def _is_whole(data: bytes) -> bool:
    if data == b"[DONE]":
        return True
    if not (data.startswith(b"{") and data.endswith(b"}")):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _is_in_string(data: bytes) -> bool:
    """Whether data that begins as a JSON object ends inside of a string."""
    return data.startswith(b"{") and _ESCAPE.sub(b"", data).count(b'"') % 2 == 1


class _WholeBody:
    """A body that is one document, kept whole, unless its lines are objects of their own."""

    __slots__ = ("_events", "_first_line", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._first_line: Literal["open", "whole", "part"] = "open"
        self._events: _Events | None = None

    def feed(self, chunk: bytes) -> list[Record]:
        if self._events is not None:
            return self._events.feed(chunk)
        self._parts.append(chunk)
        self._size += len(chunk)
        if self._size > MAX_RECORD_BYTES:
            raise RecordTooLongError
        if self._first_line == "open":
            chunk = self._end_first_line(chunk)
        if self._first_line != "whole" or not chunk.strip():
            return []
        self._events = _Events()
        return self._events.feed(b"".join(self._parts))

    def finish(self) -> list[Record]:
        if self._events is not None:
            return self._events.finish()
        return [Record(b"".join(self._parts).decode("utf-8", "replace"), kind="document")]

    def _end_first_line(self, chunk: bytes) -> bytes:
        """Note whether the first line is an object, once it ends; return what follows it."""
        end = _LINE_END.search(chunk)
        if end is None:
            return b""
        line = b"".join((*self._parts[:-1], chunk[: end.start()]))
        self._first_line = "whole" if _is_whole(line.strip()) else "part"
        return chunk[end.end() :]


class BodyReader:
    """Turn the chunks of one body into records, whatever its kind and wherever it is cut.

    Raises
    ------
    RecordTooLongError
        From `feed`, when a record or document exceeds `MAX_RECORD_BYTES`.
    """

    __slots__ = ("_body", "_start")

    def __init__(self) -> None:
        self._start = bytearray()
        self._body: _Events | _WholeBody | None = None

    def feed(self, chunk: bytes) -> list[Record]:
        """Return the records that `chunk` completes."""
        if self._body is not None:
            return self._body.feed(chunk)
        undecided = len(self._start)
        self._start += chunk
        if len(self._start) > MAX_RECORD_BYTES:
            raise RecordTooLongError
        if undecided > len(_BOM) and not chunk.strip():
            return []  # still nothing but white space
        if len(self._start) < len(_BOM) and _BOM.startswith(self._start):
            return []
        return self._choose()

    def finish(self) -> list[Record]:
        """Return what the end of the body completes."""
        records: list[Record] = []
        if self._body is None:
            records = self._choose()
        return records + self._body.finish() if self._body else records

    def _choose(self) -> list[Record]:
        start = bytes(self._start).removeprefix(_BOM)
        first = start.lstrip()[:1]
        if not first:
            return []
        self._body = _WholeBody() if first in b"{[<" else _Events()
        self._start.clear()
        return self._body.feed(start.lstrip() if first == b"{" else start)
