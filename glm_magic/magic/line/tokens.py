"""The words of a magic line, with shell-like quoting that never fails.

A prompt is ordinary language, so an apostrophe (``what's``) must not open a quotation: a quote
counts only at the start of a word or right after ``=``, and only when it is closed before white
space or the end of the line. Everything else stays as it was typed.
"""

from __future__ import annotations

import json
import re

_COMMENT = re.compile(r"#(?!\d)")
_SPACE = re.compile(r"\s*")
_DOUBLE = re.compile(r'"((?:[^"\\]++|\\.)*+)"(?=\s|$)')
_SINGLE = re.compile(r"'([^']*)'(?=\s|$)")
_ESCAPED = re.compile(r"""\\([\s"'\\])""")
_IN_DOUBLE = re.compile(r'\\(["\\])')


def skip_space(line: str, start: int) -> int:
    """Return where the next word begins, or the length of the line."""
    match = _SPACE.match(line, start)
    return match.end() if match else start


def read_word(line: str, start: int) -> tuple[str, int]:
    """Read one word.

    Parameters
    ----------
    line : str
        The line.
    start : int
        Where the word begins.

    Returns
    -------
    tuple of (str, int)
        The word without its quotes, and where it ends.
    """
    quoted = _read_quoted(line, start)
    if quoted is not None:
        return quoted
    at = start
    while at < len(line) and not line[at].isspace():
        if line[at] == "=" and "=" not in line[start:at]:
            value = _read_quoted(line, at + 1) or _read_json(line, at + 1)
            if value is not None:
                return _unescape(line[start : at + 1]) + value[0], value[1]
        at += 2 if _ESCAPED.match(line, at) else 1
    at = min(at, len(line))
    return _unescape(line[start:at]), at


def read_words(line: str) -> list[str]:
    """Return every word of a line, without quotes."""
    words: list[str] = []
    at = skip_space(line, 0)
    while at < len(line):
        word, at = read_word(line, at)
        words.append(word)
        at = skip_space(line, at)
    return words


def without_comment(line: str) -> str:
    """Return a line up to a word that begins with ``#``, as a comment of Python does.

    ``#3`` is a number and no comment; a ``#`` inside a word or a quotation is neither.
    """
    at = skip_space(line, 0)
    while at < len(line):
        if _COMMENT.match(line, at):
            return line[:at]
        at = skip_space(line, read_word(line, at)[1])
    return line


def _read_quoted(line: str, start: int) -> tuple[str, int] | None:
    match = _SINGLE.match(line, start)
    if match:
        return match[1], match.end()
    match = _DOUBLE.match(line, start)
    return (_IN_DOUBLE.sub(r"\1", match[1]), match.end()) if match else None


def _read_json(line: str, start: int) -> tuple[str, int] | None:
    """Read a JSON object or list, which may hold spaces, as it was typed."""
    if line[start : start + 1] not in ("{", "["):
        return None
    try:
        end = json.JSONDecoder().raw_decode(line, start)[1]
    except (ValueError, RecursionError):
        return None
    if end < len(line) and not line[end].isspace():
        return None
    return line[start:end], end


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
