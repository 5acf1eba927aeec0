"""Sessions that are read from files: this package's own, and other programs' messages.

Nothing of a file is believed: every value has its type, every number its bounds, and what is wrong
is reported with the line and the place in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from ..core.attachments import Attachment
from ..core.errors import InvalidValueError
from ..core.i18n import joined, tr
from ..core.messages import Message
from ..core.paths import read_regular
from ..core.turn import Status, Step, Turn
from ..engine.keywords import messages_of
from . import contents
from .codec import MisfitError, decode, encode
from .notebook import CellKey
from .rows import cut_short
from .slots import Slot, Variant, digests_before, new_id

FORMAT = "glm_magic session"
VERSION = 1
MOST_BYTES = 256 * 1024 * 1024
"""Size of the largest file that is read."""
IMPORTED = "imported"
"""Provider and model of a turn that comes from a list of messages, which does not name them."""


def load(path: Path) -> tuple[str, list[Slot], str | None]:
    """Read a session from ``.jsonl``, or from a list of messages in ``.json`` or ``.jsonl``.

    Returns
    -------
    tuple of (str, list of Slot, str or None)
        Its name, its turns and its system message.

    Raises
    ------
    InvalidValueError
        There is no such file, or it holds neither a session nor messages.
    """
    try:
        text = read_regular(path, MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or tr("it is not UTF-8 text")
        raise InvalidValueError(
            tr("{file} cannot be read: {reason}", file=str(path), reason=reason),
            hint=tr("the path is relative to the notebook's folder"),
        ) from None
    try:
        return _read(path, text)
    except RecursionError:
        raise _unreadable(path, tr("it is nested too deeply")) from None
    except InvalidValueError as error:
        reason = joined([error.message, error.hint], " → ") if error.hint else error.message
        raise _unreadable(path, reason) from None
    except ValueError as error:
        raise _unreadable(path, error.args[0]) from None


def _unreadable(path: Path, reason: str) -> InvalidValueError:
    """Return the error of a file that is not a session, with what is wrong and where."""
    return InvalidValueError(
        tr(
            "{file} holds neither a session nor a list of messages ({reason})",
            file=str(path),
            reason=reason,
        ),
        hint=tr("Markdown is only for reading; save the session as .jsonl to load it")
        if path.suffix.lower() == ".md"
        else tr("%glm save writes .jsonl; .json is a list of {{role, content}}"),
    )


def _read(path: Path, text: str) -> tuple[str, list[Slot], str | None]:
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if lines and is_head(lines[0][1]):
        return _session([(number, json_of(line, number)) for number, line in lines])
    messages = _messages_in(text, lines)
    if isinstance(messages, dict):
        if "messages" not in messages:
            raise ValueError(tr("the object has no messages"))
        messages = messages["messages"]
    system, slots = slots_of_messages(messages)
    return path.stem, slots, system


def _messages_in(text: str, lines: Sequence[tuple[int, str]]) -> Any:
    """Return what a text holds: one JSON value, or one on each line."""
    try:
        return json_of(text)
    except ValueError:
        # Of a text that is spread over lines, the first line alone is not JSON.
        if len(lines) < 2 or not _isjson_of(lines[0][1]):
            raise
    return [json_of(line, number) for number, line in lines]


def json_of(text: str, first: int = 1) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        With the line and column, counted from the line `first`.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(
            tr(
                "line {line}, column {column}: {reason}",
                line=first + error.lineno - 1,
                column=error.colno,
                reason=error.msg,
            )
        ) from None
    except ValueError as error:  # NaN, or a number of more digits than Python reads
        raise ValueError(tr("line {line}: {reason}", line=first, reason=str(error))) from None


def _no_number(word: str) -> Any:
    raise ValueError(tr("{word} is not a number", word=word))


def _isjson_of(text: str) -> bool:
    try:
        return json_of(text) is not None
    except ValueError:
        return False


def is_head(line: str) -> bool:
    """Whether a line begins a saved session."""
    try:
        head = json_of(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(head, dict) and head.get("format") == FORMAT


@dataclass(frozen=True)
class _Head:
    version: int
    name: str
    system: str | None = None


@dataclass(frozen=True)
class _Variant:
    id: str
    basis: str
    turn: Turn


@dataclass(frozen=True)
class _Slot:
    variants: tuple[_Variant, ...]
    place: int
    key: Any = None
    hidden: bool = False
    pinned: bool = False
    gone: bool = False
    contents: Mapping[str, Any] = field(default_factory=dict)
    """What its turns show, by hash; a line before it may have more of it."""


def _session(lines: Sequence[tuple[int, Any]]) -> tuple[str, list[Slot], str | None]:
    (number, first), *rest = lines
    head = decode(_Head, first, tr("line {line}:", line=number))
    if head.version > VERSION:
        raise ValueError(
            tr(
                "it has version {version}, this glm_magic reads versions up to {newest}",
                version=head.version,
                newest=VERSION,
            )
        )
    ids: set[str] = set()
    shown: dict[str, Any] = {}
    slots = [_slot(line, tr("line {line}:", line=number), ids, shown) for number, line in rest]
    return head.name.strip() or IMPORTED, slots, head.system


def _slot(line: Any, place: str, ids: set[str], shown: dict[str, Any]) -> Slot:
    """Return a slot; `ids` are those of the runs before it, `shown` what they show."""
    saved = decode(_Slot, line, place)
    if not 0 <= saved.place < len(saved.variants):
        raise MisfitError(f"{place} place", tr("is not that of a variant"))
    variants = []
    shown.update(saved.contents)
    find = contents.read_from(shown)
    for item in saved.variants:
        is_free = item.id and item.id not in ids
        run = item.id if is_free else new_id()
        ids.add(run)
        turn = contents.filled(cut_short(item.turn), find)
        variants.append(Variant(turn, item.basis, run))
    key = _key(saved.key, f"{place} key")
    return Slot(key, variants, saved.place, saved.hidden, saved.pinned, saved.gone)


def _key(value: Any, place: str) -> CellKey | None:
    """Return what tells a cell: a text, or a list of texts and numbers."""
    if isinstance(value, list) and all(isinstance(part, str | int) for part in value):
        return tuple(value)
    if value is None or isinstance(value, str):
        return value
    raise MisfitError(place, tr("has to be a text or a list of texts"))


def slots_of_messages(messages: Any) -> tuple[str | None, list[Slot]]:
    """Return the system message and the turns of an OpenAI-style list.

    Raises
    ------
    ValueError
        It is not a conversation of texts.
    """
    if not isinstance(messages, list):
        raise ValueError(tr("not a list"))  # noqa: TRY004 - reported as what the file holds
    if not messages:
        raise ValueError(tr("an empty list"))
    checked = [_checked(number, item) for number, item in enumerate(messages, 1)]
    system = "\n\n".join(message.content for message in checked if message.role == "system")
    slots = [Slot(variants=[Variant(turn)]) for turn in _turns(checked)]
    for slot, digest in zip(slots, digests_before(slots), strict=True):
        slot.current.context_digest = digest
    return system or None, slots


def _checked(number: int, item: Any) -> Message:
    # The check wants a prompt as the last message; a whole conversation ends with an answer.
    prompt = {"role": "user", "content": "…"}
    try:
        message, _ = messages_of([item, prompt])
        checked = cast("Message", decode(Message, encode(message)))
        return replace(checked, attachments=message.attachments)
    except (TypeError, InvalidValueError, MisfitError) as error:
        reason = error.args[0] if isinstance(error, MisfitError) else f"{error}".partition("\n")[0]
        raise ValueError(tr("message {number}: {reason}", number=number, reason=reason)) from None


def _turns(messages: Iterable[Message]) -> Iterable[Turn]:
    prompt: list[Message] = []
    answer: Message | None = None
    for message in messages:
        if message.role == "user":
            if answer is not None:
                yield _turn(prompt, answer)
                prompt, answer = [], None
            prompt.append(message)
        elif message.role == "assistant" and (message.content or not message.tool_calls):
            answer = message  # after tool calls, the last answer is the turn's
    if prompt or answer:
        yield _turn(prompt, answer)


def _turn(prompt: Sequence[Message], answer: Message | None) -> Turn:
    text = ""
    attachments: list[Attachment] = []
    for message in prompt:
        text = f"{text}\n\n" if text else ""
        attachments += (one.moved(len(text)) for one in message.attachments)
        text += message.content
    step = Step(reasoning=answer.reasoning, content=answer.content) if answer else Step()
    status: Status = "complete" if answer else "interrupted"
    return Turn(text, IMPORTED, IMPORTED, (step,), status, attachments=tuple(attachments))
