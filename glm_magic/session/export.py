"""Sessions as files: JSON Lines with everything, Markdown to read, messages for other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InvalidValueError
from ..core.i18n import Text, joined, tr
from ..core.messages import Message
from ..core.paths import replace_file
from ..core.turn import Status, Step, Turn
from ..engine.keywords import messages_of
from ..views.markup.escape import escape_markdown, strip_blank_lines, summary_text
from ..views.markup.sanitize import Tame, join_parts
from .codec import decode, encode
from .rows import cut_short
from .slots import Slot, Variant, digest_of

FORMAT = "glm_magic session"
VERSION = 1
_FENCE = re.compile(r"(`{3,}(?=[^`]*\Z)|~{3,})")
_MARK = f"<!-- {FORMAT} -->"
IMPORTED = "imported"
"""Provider and model of a turn that comes from a list of messages, which does not name them."""


def save(path: Path, name: str, slots: Sequence[Slot], system: str | None = None) -> None:
    """Write a session; the ending chooses the form.

    Parameters
    ----------
    path : Path
        ``.jsonl``: everything, one slot a line. ``.md``: to read. ``.json``: a list of messages.
    name : str
        Name of the session.
    slots : sequence of Slot
        Its turns.
    system : str, optional
        Its system message.

    Raises
    ------
    InvalidValueError
        The ending is none of these, there is another file of that name, or it cannot be written.
    """
    form = _form(path, _WRITERS)
    if path.exists() and not _is_saved_session(path):
        raise InvalidValueError(
            tr("{file} exists and is not a saved session; it was left as it is", file=str(path)),
            hint=tr("choose another name, or delete it first"),
        )
    text = form(name, slots, system)
    try:
        with replace_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise InvalidValueError(
            tr(
                "{file} cannot be written: {reason}",
                file=str(path),
                reason=error.strerror or str(error),
            ),
            hint=tr("choose another folder"),
        ) from None


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
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or tr("it is not UTF-8 text")
        raise InvalidValueError(
            tr("{file} cannot be read: {reason}", file=str(path), reason=reason),
            hint=tr("the path is relative to the notebook's folder"),
        ) from None
    try:
        return _read(path, text)
    except (ValueError, LookupError, TypeError, AttributeError, InvalidValueError) as error:
        raise InvalidValueError(
            _unreadable(path, error),
            hint=tr("Markdown is only for reading; save the session as .jsonl to load it")
            if path.suffix.lower() == ".md"
            else tr("%glm save writes .jsonl; .json is a list of {{role, content}}"),
        ) from None


def _unreadable(path: Path, error: Exception) -> Text:
    """Return why a file is not a session, with the reason where it is one for a reader."""
    reason = error.args[0] if error.args else ""
    if isinstance(error, InvalidValueError) and error.hint:
        reason = joined([error.message, error.hint], " → ")
    if isinstance(error, InvalidValueError) or type(error) is ValueError:
        return tr(
            "{file} holds neither a session nor a list of messages ({reason})",
            file=str(path),
            reason=reason,
        )
    return tr("{file} holds neither a session nor a list of messages", file=str(path))


def _read(path: Path, text: str) -> tuple[str, list[Slot], str | None]:
    lines = _json_lines_of(text)
    if lines and isinstance(lines[0], dict) and lines[0].get("format") == FORMAT:
        return _session(lines)
    data = lines[0] if len(lines) == 1 else (lines or json.loads(text))
    messages = data["messages"] if isinstance(data, dict) else data
    system, slots = slots_of_messages(messages)
    return path.stem, slots, system


def _json_lines_of(text: str) -> list[Any]:
    """Return the values of a text that has one on each line; none where it has not."""
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except ValueError:
        return []


def _session(lines: Sequence[Mapping[str, Any]]) -> tuple[str, list[Slot], str | None]:
    head, *rest = lines
    if head["version"] > VERSION:
        raise ValueError(
            tr(
                "it has version {version}, this glm_magic reads versions up to {newest}",
                version=head["version"],
                newest=VERSION,
            )
        )
    return head["name"], [_slot(line) for line in rest], head.get("system")


def _slot(line: Mapping[str, Any]) -> Slot:
    variants = [
        Variant(cut_short(decode(Turn, item["turn"])), item["basis"], item["id"])
        for item in line["variants"]
    ]
    key = line.get("key")
    return Slot(
        tuple(key) if isinstance(key, list) else key,
        variants,
        range(len(variants))[line["place"]],
        bool(line.get("hidden")),
        bool(line.get("pinned")),
        bool(line.get("gone")),
    )


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
    # The check wants a prompt as the last message; a whole conversation ends with an answer.
    prompt = {"role": "user", "content": "…"}
    checked = messages_of([*messages, prompt])[:-1]
    system = "\n\n".join(message.content for message in checked if message.role == "system")
    slots: list[Slot] = []
    for turn in _turns(checked):
        slots.append(Slot(variants=[Variant(turn, digest_of(slots))]))
    return system or None, slots


def _turns(messages: Iterable[Message]) -> Iterable[Turn]:
    prompt: list[str] = []
    answer: Message | None = None
    for message in messages:
        if message.role == "user":
            if answer is not None:
                yield _turn(prompt, answer)
                prompt, answer = [], None
            prompt.append(message.content)
        elif message.role == "assistant" and (message.content or not message.tool_calls):
            answer = message  # after tool calls, the last answer is the turn's
    if prompt or answer:
        yield _turn(prompt, answer)


def _turn(prompt: Sequence[str], answer: Message | None) -> Turn:
    step = Step(reasoning=answer.reasoning, content=answer.content) if answer else Step()
    status: Status = "complete" if answer else "interrupted"
    return Turn("\n\n".join(prompt), IMPORTED, IMPORTED, (step,), status)


def _json_lines(name: str, slots: Sequence[Slot], system: str | None) -> str:
    head = {"format": FORMAT, "version": VERSION, "name": name, "system": system}
    return "".join(
        f"{json.dumps(line, ensure_ascii=False)}\n" for line in [head, *map(_line, slots)]
    )


def _line(slot: Slot) -> dict[str, Any]:
    return {
        "key": slot.key if isinstance(slot.key, str | tuple) else None,
        "place": slot.place,
        "hidden": slot.hidden,
        "pinned": slot.pinned,
        "gone": slot.orphaned,
        "variants": [
            {"id": v.id, "basis": v.context_digest, "turn": encode(v.turn)} for v in slot.variants
        ],
    }


def _messages(_: str, slots: Sequence[Slot], system: str | None) -> str:
    messages = [{"role": "system", "content": system}] if system else []
    for slot in slots:
        if slot.is_sent:
            messages.append({"role": "user", "content": slot.turn.prompt})
            messages.append({"role": "assistant", "content": slot.turn.answer})
    return json.dumps(messages, ensure_ascii=False, indent=2) + "\n"


def _markdown(name: str, slots: Sequence[Slot], system: str | None) -> str:
    """Return a transcript that obeys no text of a model, and is harmless as a whole."""

    def parts(tame: Tame) -> list[str]:
        turns = (part for at, slot in enumerate(slots, 1) for part in _parts(at, slot.turn, tame))
        return [_system(tame(strip_blank_lines(system))), *turns] if system else list(turns)

    title = escape_markdown(" ".join(name.split()))
    return f"# {title}\n\n{_MARK}\n\n{join_parts(parts)}\n"


def _system(text: str) -> str:
    """Return a system message, on the line of its name where it is a line that stands anywhere."""
    is_line = "\n" not in text and not text.startswith(("`", "~", " "))
    return f"*System:* {text}" if is_line else f"*System:*\n\n{text}"


def _parts(number: int, turn: Turn, tame: Tame) -> list[str]:
    """Return one turn as parts of a Markdown file."""
    parts = [f"## {number}", _quoted(tame(strip_blank_lines(turn.prompt)))]
    reasoning, answer = strip_blank_lines(turn.reasoning), strip_blank_lines(turn.answer)
    if reasoning:
        inside = _quoted(tame(reasoning))
        parts.append(f"<details><summary>Reasoning</summary>\n\n{inside}\n\n</details>")
    missing = escape_markdown(" ".join((turn.error or "no answer").split()))
    return [*parts, tame(answer) if answer else f"*{missing}*", _facts(turn)]


def _quoted(text: str) -> str:
    """Return a text as a quote, but for its blocks of code, which are only safe outside of it."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        begins = _FENCE.match(line)
        if fence:
            lines.append(line)
            fence = "" if line == fence else fence
        elif begins:
            lines += ["", line] if lines else [line]
            fence = begins[1]
        else:
            lines.append(f"> {line}".rstrip())
    return "\n".join(lines)


def _facts(turn: Turn) -> str:
    usage = turn.usage
    tokens = f"{usage.input:,} in, {usage.output:,} out" if usage and usage.total else ""
    cost = str(turn.cost) if turn.cost else ""
    facts = [f"{turn.model} at {turn.provider}", turn.status, tokens, cost]
    return f"<sub>{summary_text(' · '.join(filter(None, facts)))}</sub>"


Writer = Callable[[str, Sequence[Slot], str | None], str]
_WRITERS: dict[str, Writer] = {".jsonl": _json_lines, ".md": _markdown, ".json": _messages}


def _form(path: Path, forms: Mapping[str, Writer]) -> Writer:
    form = forms.get(path.suffix.lower())
    if form is None:
        raise InvalidValueError(
            tr("a session cannot be saved as {ending}", ending=path.suffix)
            if path.suffix
            else tr("a session cannot be saved as a file without an ending"),
            hint=tr("use .jsonl (everything), .md (to read) or .json (a list of messages)"),
        )
    return form


def _is_saved_session(path: Path) -> bool:
    """Whether a file is a saved session, so that saving again may replace it."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".md":
            return _MARK in text[:10_000]
        return not text.strip() or bool(_read(path, text))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, InvalidValueError):
        return False
