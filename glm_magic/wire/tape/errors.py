"""The errors of tapes."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import NotOnTapeError, TapeError
from ...core.i18n import joined, plural, tr
from ...core.paths import FileKind
from ...core.text import shorten
from .matching import RequestKey

_RECORD_AGAIN = tr("record it again with %glm record, or use an intact copy of the file")
_PROMPT_CHARS = 70
"""How much of a prompt a message quotes."""


def unreadable(path: Path, reason: str) -> TapeError:
    """Return the error of a file that cannot be opened."""
    return TapeError(
        tr("the tape {file} cannot be read: {reason}", file=path.name, reason=reason),
        hint=tr("the path is relative to the notebook's folder; %glm record FILE makes a tape"),
    )


def unwritable(path: Path, reason: str) -> TapeError:
    """Return the error of a file that cannot be written."""
    return TapeError(
        tr("the tape {file} cannot be written: {reason}", file=path.name, reason=reason),
        hint=tr(
            "choose another file or folder with %glm record FILE; the reply itself is not lost"
        ),
    )


def not_a_tape(path: Path) -> TapeError:
    """Return the error of a file of another kind."""
    return TapeError(
        tr("{file} is not a tape: it does not begin with a tape's first line", file=path.name),
        hint=tr("a tape begins with the line glmtape 1; %glm record FILE makes one"),
    )


def foreign(path: Path) -> TapeError:
    """Return the error of a file that a recording would overwrite."""
    return TapeError(
        tr("{file} exists and is not a tape; it was left as it is", file=path.name),
        hint=tr("choose another file for the recording, such as lesson.glmtape"),
    )


def irregular(path: Path, kind: FileKind) -> TapeError:
    """Return the error of a folder, link or device that a recording would replace."""
    match kind:
        case "folder":
            return TapeError(
                tr("{file} is a folder; it was left as it is", file=path.name),
                hint=tr("name a file in it for the recording, such as lesson.glmtape"),
            )
        case "link":
            return TapeError(
                tr("{file} is a link; it was left as it is", file=path.name),
                hint=tr("name the file that it leads to"),
            )
        case _:
            return TapeError(
                tr("{file} is no file; it was left as it is", file=path.name),
                hint=tr("choose another file for the recording, such as lesson.glmtape"),
            )


def too_large(path: Path, size: int) -> TapeError:
    """Return the error of a tape that holds more than is read."""
    return TapeError(
        tr(
            "the tape {file} holds more than {size} MB of replies",
            file=path.name,
            size=size // 1024**2,
        ),
        hint=tr("record fewer replies on one tape; a tape that claims more is not ours"),
    )


def full(path: Path, size: int) -> TapeError:
    """Return the error of a reply that has no room on a tape."""
    return TapeError(
        tr(
            "the tape {file} is full: it holds at most {size} MB of replies",
            file=path.name,
            size=size // 1024**2,
        ),
        hint=tr("record what follows on another tape; the reply itself is not lost"),
    )


def newer(path: Path, version: str, newest: int) -> TapeError:
    """Return the error of a format that a later release writes."""
    return TapeError(
        tr(
            "the tape {file} has format {version}; this glm_magic reads formats up to {newest}",
            file=path.name,
            version=version,
            newest=newest,
        ),
        hint=tr("it was recorded with a newer release: pip install --upgrade glm-magic"),
    )


def changed(path: Path, damage: str) -> TapeError:
    """Return the error of a tape that is not as it was recorded."""
    return TapeError(
        tr(
            "the tape {file} was changed after it was recorded: {damage}",
            file=path.name,
            damage=damage,
        ),
        hint=_RECORD_AGAIN,
    )


def cut_off(path: Path, replies: int) -> TapeError:
    """Return the error of a tape without its end."""
    return TapeError(
        tr(
            "the tape {file} is cut off: its end is missing after {replies}",
            file=path.name,
            replies=plural(replies, "{count} reply", "{count} replies"),
        ),
        hint=_RECORD_AGAIN,
    )


def not_on_tape(path: Path, asked: RequestKey, nearest: RequestKey | None) -> NotOnTapeError:
    """Return the error of a request that a tape does not hold."""
    if nearest is None:
        return NotOnTapeError(
            tr("the tape {file} is empty", file=path.name),
            hint=tr("record with %glm record FILE, then replay"),
        )
    if nearest.prompt == asked.prompt:
        near = tr(
            "this prompt was recorded, but {differences}",
            differences=joined(nearest.differences(asked)),
        )
    else:
        near = tr(
            "the nearest recorded prompt is “{prompt}”",
            prompt=shorten(nearest.prompt, _PROMPT_CHARS),
        )
    return NotOnTapeError(
        tr(
            "the tape {file} does not hold “{prompt}” as it is asked here",
            file=path.name,
            prompt=shorten(asked.prompt, _PROMPT_CHARS),
        ),
        hint=tr(
            "{near}. Ask as it was recorded, or allow live calls: GLM_TAPE=replay+live", near=near
        ),
        provider=asked.provider,
    )
