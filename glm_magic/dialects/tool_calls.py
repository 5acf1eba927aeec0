"""The tool-call fragments of any provider -> deltas with an index that tells the calls apart.

Notes
-----
What begins a call is a name. Its other marks are not reliable: seen on the wire are ids missing,
empty, on the first fragment alone, new on each fragment, or the same for every call; an index that
is missing, a string, or shared by several calls; names repeated in every fragment, or split over
several; arguments as an object instead of a string. Without an index a fragment may be the call as
it stands so far. Reports at Z.ai, vLLM, mlx-lm, Ollama and Model Studio, seen 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.calls import MAX_NAME_CHARS, arguments_text, function_name
from ..core.events import ToolCallDelta
from ..core.text import SurrogateJoiner, join_surrogates


class ToolCalls:
    """Tells which call a fragment belongs to.

    Parameters
    ----------
    offered : collection of str
        The functions of the request, by which a name is cleaned and put together.
    """

    def __init__(self, offered: Collection[str] = ()) -> None:
        self._offered = offered
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        """The newest call at each index."""
        self._by_id: dict[str, _Call] = {}
        self._early: dict[int | None, _Early] = {}
        """What came before any name, by index."""
        self._delta = 0

    @property
    def any(self) -> bool:
        """Whether there was any call."""
        return bool(self._calls)

    def feed(self, fragments: list[Any]) -> Iterable[ToolCallDelta]:
        """Return one delta for each fragment that adds something."""
        self._delta += 1
        is_list = len(fragments) > 1
        for position, fragment in enumerate(fragments):
            if isinstance(fragment, dict):
                yield from self._fragment(fragment, position if is_list else None)

    def finish(self) -> Iterable[ToolCallDelta]:
        """Return a delta for each call whose text ended in half a character."""
        for call in self._calls:
            rest = call.joiner.finish()
            if rest:
                yield ToolCallDelta(call.number, rest)

    def _fragment(
        self, fragment: Mapping[str, Any], position: int | None
    ) -> Iterable[ToolCallDelta]:
        part = self._read(fragment)
        call, arguments, id_ = self._candidate(part, position), part.arguments, part.id
        if call is None and not part.name:
            self._early.setdefault(part.index, _Early()).add(id_, arguments)
            return
        if call is not None and call.named_again and arguments and not part.name:
            part = replace(part, name=call.name, written=call.written)
        if call is None or self._begins(call, part):
            call = self._begin(part)
            early = self._early.pop(part.index, None) or self._early.pop(None, None)
            if early is not None:
                arguments, id_ = "".join((*early.parts, arguments)), id_ or early.id
        elif part.name and part.name != call.name:
            call.add_name(part.written, self._offered)
        if part.index is None:
            arguments = call.new_of_snapshot(arguments)
        if id_:
            self._by_id[id_] = call
        call.delta_number = self._delta
        yield from call.delta(id_, arguments)

    def _read(self, fragment: Mapping[str, Any]) -> _Fragment:
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        written = _word(function.get("name"))
        return _Fragment(
            _index(fragment.get("index")),
            _word(fragment.get("id")),
            function_name(written, self._offered),
            written,
            arguments_text(function.get("arguments")),
        )

    def _candidate(self, part: _Fragment, position: int | None) -> _Call | None:
        """Return the call that a fragment would continue, by its index, its id, or as the last."""
        index, same_id = part.index, self._by_id.get(part.id)
        if index is not None and (part.name or index in self._at):
            is_theirs = same_id is not None and same_id.index == index and not part.name
            return same_id if is_theirs else self._at.get(index)
        if same_id is not None:
            return same_id
        last = self._calls[-1] if self._calls else None
        if not part.name or last is None:
            return last
        if part.id:
            return None if last.id else last
        if position is not None and position < len(self._calls):
            listed = self._calls[position]  # each call so far, in the order of the list
            if listed.name == part.name and listed.is_snapshot(part.arguments):
                return listed
        return last

    def _begins(self, call: _Call, part: _Fragment) -> bool:
        """Whether a fragment begins a call rather than continue the one given."""
        name, written = part.name, part.written
        if not name:
            return False
        is_other_id = bool(part.id and call.id and part.id != call.id)
        if name == call.name:
            return self._repeats_as_new(call, part, is_other_id=is_other_id)
        if self._offered and call.name not in self._offered:
            # where an offered name is still being put together, ids say nothing
            joined = function_name(call.written + written, self._offered)
            if joined in self._offered or (name in self._offered and name.startswith(call.name)):
                return False
            if any(known.startswith(joined) for known in self._offered):
                return call.has_arguments
        elif self._offered:
            return is_other_id or not self._goes_on(call, part)
        if call.has_arguments or is_other_id:
            return True
        return part.index is None and not name.startswith(call.name)

    def _goes_on(self, call: _Call, part: _Fragment) -> bool:
        """Whether more of a name comes, although what came of it is the name of a function."""
        if call.has_arguments or part.index is None:
            return False
        joined = function_name(call.written + part.written, self._offered)
        is_longer = any(known.startswith(joined) and known != call.name for known in self._offered)
        return part.name.startswith(call.name) or (is_longer and part.name not in self._offered)

    def _repeats_as_new(self, call: _Call, part: _Fragment, *, is_other_id: bool) -> bool:
        """Whether a name that comes again is of a second call to the same function."""
        if is_other_id:
            return call.is_whole or call.delta_number == self._delta
        if part.index is not None or not call.is_whole:
            return False
        if call.delta_number == self._delta:
            return True
        call.named_again = not part.arguments  # whether it was another call, the next part tells
        return bool(part.arguments) and not call.is_snapshot(part.arguments)

    def _begin(self, part: _Fragment) -> _Call:
        call = _Call(len(self._calls), part.index)
        call.add_name(part.written, self._offered)
        self._calls.append(call)
        if part.index is not None:
            self._at[part.index] = call
        return call


@dataclass(frozen=True, slots=True)
class _Fragment:
    """What one fragment holds."""

    index: int | None
    id: str
    name: str
    written: str
    """The name as the server wrote it."""
    arguments: str


class _Early:
    """What came of a call before its name."""

    def __init__(self) -> None:
        self.id = ""
        self.parts: list[str] = []

    def add(self, id_: str, arguments: str) -> None:
        self.id = self.id or id_
        self.parts.append(arguments)


class _Call:
    """What has come of one call."""

    def __init__(self, number: int, index: int | None) -> None:
        self.number = number
        self.index = index
        self.id = ""
        self.name = ""
        """As it was handed on last."""
        self.written = ""
        """As the server wrote it."""
        self._next_name = ""
        self.joiner = SurrogateJoiner()
        self.delta_number = 0
        """Which delta brought its last fragment."""
        self.named_again = False
        """Whether its name alone came once more, when its arguments were whole."""
        self._parts: list[str] = []
        self._length = 0
        self._nesting = _Nesting()
        self._looked_at = 0

    def add_name(self, written: str, offered: Collection[str]) -> None:
        """Take in a name: more of it, or all of it so far."""
        joined = self.written + written
        is_all = written.startswith(self.written) and joined not in offered
        self.written = (written if is_all else joined)[:MAX_NAME_CHARS]
        self._next_name = function_name(self.written, offered)

    def delta(self, id_: str, arguments: str) -> Iterable[ToolCallDelta]:
        """Return what a fragment adds, if it adds anything."""
        if arguments:
            self._parts.append(arguments)
            self._length += len(arguments)
        new_id = id_ if id_ and not self.id else None
        new_name = self._next_name if self._next_name != self.name else None
        self.id, self.name = self.id or id_, self._next_name
        arguments = self.joiner.feed(arguments)
        if arguments or new_id or new_name:
            yield ToolCallDelta(self.number, arguments, new_id, new_name)

    @property
    def has_arguments(self) -> bool:
        """Whether any of its arguments have come."""
        return self._length > 0

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are closed; linear, however often it is asked."""
        for part in self._parts[self._looked_at :]:
            self._nesting.feed(part)
        self._looked_at = len(self._parts)
        return self._nesting.is_closed

    def is_snapshot(self, arguments: str) -> bool:
        """Whether arguments are those so far, or those and more."""
        if len(arguments) < self._length:
            return False
        self._join()
        return arguments.startswith(self._parts[0] if self._parts else "")

    def new_of_snapshot(self, arguments: str) -> str:
        """Return what a snapshot adds to the arguments so far; a mere fragment is all new."""
        return arguments[self._length :] if self.is_snapshot(arguments) else arguments

    def _join(self) -> None:
        if len(self._parts) > 1:
            _ = self.is_whole
            self._parts, self._looked_at = ["".join(self._parts)], 1


_SYNTAX = re.compile(r'["\\{}\[\]]')


class _Nesting:
    """Whether a JSON text that arrives in pieces has closed everything that it opened."""

    def __init__(self) -> None:
        self._depth = 0
        self._opened = False
        self._in_string = False
        self._escape_at = -1
        self._read = 0

    def feed(self, text: str) -> None:
        for match in _SYNTAX.finditer(text):
            at, char = self._read + match.start(), match[0]
            if at == self._escape_at:
                continue
            if char == "\\":
                self._escape_at = at + 1
            elif char == '"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += 1 if char in "{[" else -1
                self._opened = True
        self._read += len(text)

    @property
    def is_closed(self) -> bool:
        return self._opened and self._depth <= 0 and not self._in_string


def _index(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _word(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return join_surrogates(value) if isinstance(value, str) else ""
