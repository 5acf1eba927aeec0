"""What can be wrong with a tape, each in two lines."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import NotOnTapeError, TapeError
from .matching import RequestKey, short

_ANEW = "record it again with %glm record, or take a sound copy of the file"


def unreadable(path: Path, reason: str) -> TapeError:
    """Return the error of a file that cannot be opened."""
    return TapeError(
        f"the tape {path.name} cannot be read: {reason}",
        hint="the path is relative to the notebook's folder; %glm record FILE makes a tape",
    )


def unwritable(path: Path, reason: str) -> TapeError:
    """Return the error of a file that cannot be written."""
    return TapeError(
        f"the tape {path.name} cannot be written: {reason}",
        hint="choose another file or folder with %glm record FILE; the reply itself is not lost",
    )


def not_a_tape(path: Path) -> TapeError:
    """Return the error of a file of another kind."""
    return TapeError(
        f"{path.name} is not a tape: its first line does not say so",
        hint="a tape begins with the line glmtape 1; %glm record FILE makes one",
    )


def foreign(path: Path) -> TapeError:
    """Return the error of a file that a recording would destroy."""
    return TapeError(
        f"{path.name} is there already and is no tape; it was left as it is",
        hint="choose another file for the recording, such as lesson.glmtape",
    )


def newer(path: Path, version: str, ours: int) -> TapeError:
    """Return the error of a format that a later release writes."""
    return TapeError(
        f"the tape {path.name} has format {version}, and this glm_magic reads up to {ours}",
        hint="it was recorded with a newer release: pip install --upgrade glm-magic",
    )


def changed(path: Path, where: str) -> TapeError:
    """Return the error of a tape that is not as it was recorded."""
    return TapeError(f"the tape {path.name} was changed after it was recorded: {where}", hint=_ANEW)


def cut_off(path: Path, replies: int) -> TapeError:
    """Return the error of a tape without its end."""
    many = f"{replies} {'reply' if replies == 1 else 'replies'}"
    return TapeError(
        f"the tape {path.name} is cut off: its end is missing after {many}", hint=_ANEW
    )


def not_on_tape(path: Path, asked: RequestKey, nearest: RequestKey | None) -> NotOnTapeError:
    """Return the error of a request that a tape does not hold."""
    if nearest is None:
        return NotOnTapeError(
            f"the tape {path.name} is empty", hint="record with %glm record FILE, then replay"
        )
    what = f"the tape {path.name} does not hold “{short(asked.prompt)}” as it is asked here"
    if nearest.prompt == asked.prompt:
        hint = f"this prompt was recorded, but {nearest.difference(asked)}"
    else:
        hint = f"the nearest recorded prompt is “{short(nearest.prompt)}”"
    return NotOnTapeError(
        what,
        hint=f"{hint}. Ask as it was recorded, or allow live calls: GLM_TAPE=replay+live",
        provider=asked.provider,
    )
