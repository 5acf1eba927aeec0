"""Sessions as files: JSON Lines with everything, Markdown to read, messages for other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.paths import kind_of, read_regular, replace_file
from ..core.text import join_surrogates
from ..core.turn import Turn
from ..views.markup.escape import escape_markdown, strip_blank_lines, summary_text
from ..views.markup.sanitize import Tame, join_parts
from . import contents
from .codec import encode
from .loading import FORMAT, MOST_BYTES, VERSION, is_head, json_of
from .slots import Slot

_FENCE = re.compile(r"(`{3,}(?=[^`]*\Z)|~{3,})")
_MARK = f"<!-- {FORMAT} -->"


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
    if kind_of(path) != "none" and not _is_saved_session(path):
        raise InvalidValueError(
            tr("{file} exists and is not a saved session; it was left as it is", file=str(path)),
            hint=tr("choose another name, or delete it first"),
        )
    text = form(name, slots, system)
    try:
        with replace_file(path) as file:
            file.write(join_surrogates(text).encode())
    except OSError as error:
        raise InvalidValueError(
            tr(
                "{file} cannot be written: {reason}",
                file=str(path),
                reason=error.strerror or str(error),
            ),
            hint=tr("choose another folder"),
        ) from None


def _json_lines(name: str, slots: Sequence[Slot], system: str | None) -> str:
    head = {"format": FORMAT, "version": VERSION, "name": name, "system": system}
    there: set[str] = set()
    lines = (_line(slot, there) for slot in slots)
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in [head, *lines])


def _line(slot: Slot, there: set[str]) -> dict[str, Any]:
    """Return a slot; pictures that a line before it has, by their hash, are not written again."""
    shown = contents.written(slot.turns, but=there)
    there.update(shown)
    return {
        **({"contents": shown} if shown else {}),
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
            messages.append({"role": "user", "content": slot.turn.shown_prompt})
            messages.append({"role": "assistant", "content": slot.turn.answer})
    return _dumped(messages)


def _dumped(messages: list[dict[str, str]]) -> str:
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
    parts = [f"## {number}", _quoted(tame(strip_blank_lines(turn.shown_prompt)))]
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
    """Whether a file was written by `save`, so that saving again may replace it."""
    if kind_of(path) != "file":
        return False
    try:
        text = read_regular(path, MOST_BYTES).decode()
        if not text.strip():
            return True
        match path.suffix.lower():
            case ".md":
                return _MARK in text[:10_000]
            case ".jsonl":
                return is_head(text.partition("\n")[0])
            case _:  # a list of messages has no mark, but a form that only `save` gives it
                messages = json_of(text)
                return isinstance(messages, list) and _dumped(messages) == text
    except (OSError, ValueError, RecursionError):
        return False
