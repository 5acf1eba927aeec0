"""What every decoder does with the records of one reply, whatever its protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from ..core.errors import GlmError
from ..core.events import Event
from ..core.i18n import tr
from ..core.turn import Notice
from ..wire.sse import Record
from .decoding import ReplyDecoding
from .errors import Classifier, read_payload, to_error
from .records import Object, Reading, Unexplained, is_error, is_of_reply, part_of_reply, read_record


class ReplyDecoder(ABC):
    """Decode one reply; a subclass reads the objects of its protocol.

    Parameters
    ----------
    decoding : ReplyDecoding
        The state of the reply.
    provider : str
        Name of the provider, for errors.
    classify : callable
        Classifies an error by the codes of the provider.
    """

    __slots__ = ("_classify", "_decoding", "_has_data", "_is_done", "_provider", "_unexplained")

    def __init__(self, decoding: ReplyDecoding, provider: str, classify: Classifier) -> None:
        self._decoding = decoding
        self._provider = provider
        self._classify = classify
        self._unexplained = Unexplained()
        self._has_data = False
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """True once nothing more of this reply can follow, and after an error."""
        return self._is_done

    @property
    def finish_reason(self) -> str | None:
        """The finish reason, once it was seen."""
        return self._decoding.finish_reason

    def feed(self, record: Record) -> list[Event]:
        """Return the events of one record."""
        if self._is_done:
            return []
        chunk = part_of_reply(record)
        if chunk is None:
            return self._other(record)
        self._has_data = True
        return self._chunk(chunk, record)

    def _other(self, record: Record) -> list[Event]:
        """Return the events of a record that is more, or less, than a part of the reply."""
        reading = read_record(record)
        if record.kind == "line":
            if self._has_data or not _is_bare_reply(reading):
                if reading.objects or reading.words or reading.broken:
                    self._unexplained.add(record.data)
                return []
        elif reading.objects:
            self._has_data = True
        events: list[Event] = []
        for chunk in reading.objects:
            if not self._is_done:
                events += self._object(chunk, record)
        if reading.words:
            self._unexplained.add(reading.words)
        self._unexplained.broken = self._unexplained.broken or reading.broken
        self._is_done = self._is_done or reading.is_end
        return events

    def finish(self) -> list[Event]:
        """Return the events that the end of the body brings."""
        self._is_done = True
        decoding, unexplained = self._decoding, self._unexplained
        if decoding.finish_reason is None:
            error = unexplained.reported_error(self._provider, self._classify)
            if error is None and not decoding.has_text:
                error = unexplained.inferred_error(self._provider, self._classify)
            if error is not None:
                return self._fail(error)
        return decoding.end(self._notices())

    def _notices(self) -> Iterable[Notice]:
        words = self._unexplained.words if self.finish_reason is None else ""
        broken = self._unexplained.broken
        if self._decoding.has_refused:
            yield Notice("refusal", tr("the model refused; rephrase the prompt"))
        if broken and not words:
            text = tr("a piece of the reply arrived broken and is missing: {text!r}", text=broken)
            yield Notice("lost", text)
        if words:
            text = tr("the reply broke off, and the server wrote: {text}", text=words)
            yield Notice("incomplete", text)
        elif self.finish_reason is None:
            text = tr(
                "the reply ended without the provider's end mark, so the rest of it may be "
                "missing; run the cell again"
            )
            yield Notice("incomplete", text)

    def _object(self, chunk: Object, record: Record) -> list[Event]:
        if "choices" not in chunk and "output" not in chunk:
            self._unexplained.add_object(chunk)
            has_failed = is_error(chunk, record) or (record.http_status or 0) >= 400
            if not has_failed and not is_of_reply(chunk):
                return []
        return self._chunk(chunk, record)

    @abstractmethod
    def _chunk(self, chunk: Object, record: Record) -> list[Event]:
        """Return the events of an object that is a part of the reply, or an error."""

    def _error(self, chunk: Object, record: Record) -> list[Event]:
        reply = read_payload(chunk, record.http_status)
        return self._fail(to_error(reply, self._provider, self._classify))

    def _fail(self, error: GlmError) -> list[Event]:
        self._is_done = True
        error.provider = error.provider or self._provider
        return self._decoding.fail(error)


def _is_bare_reply(reading: Reading) -> bool:
    """Whether a line without ``data:`` is a part of the reply all the same."""
    chunks = reading.objects
    return reading.is_end or any(chunk.get("choices") or chunk.get("output") for chunk in chunks)
