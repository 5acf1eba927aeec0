r"""Formulas in Markdown, between the delimiters that other readers know.

Models write ``\(…\)`` and ``\[…\]``, which Markdown takes for brackets: GitHub and Colab show them,
and pandoc makes LaTeX of them that does not compile. All know ``$…$`` and ``$$…$$``. A dollar sign
that begins no formula is escaped, or they would take the text between two prices for one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache

from .maths import ENVIRONMENT, MAX_FORMULA, formula_at, standard_tex

_STEP = re.compile(r"`+|\\begin\{|\\[(\[]|\\.?|\$|\bhttps?://[^\s<]*|\bwww\.[^\s<]*", re.DOTALL)
_TICKS = re.compile("`+")
_INNER = re.compile(r"(?<!\\)((?:\\\\)*)\$")
_BEFORE_BLOCK = re.compile(r"(?:[ \t>]++|[-*+][ \t]|\d{1,9}[.)][ \t])*+")


def with_dollars(text: str) -> str:
    """Return running text with each formula between dollar signs, and the other ones escaped.

    Parameters
    ----------
    text : str
        Lines of Markdown outside of blocks of code; spans of code and addresses stay as they are.
    """
    if "$" not in text and "\\" not in text:
        return text
    # A formula holds no blank line.
    return "\n".join("".join(_converted(paragraph)) for paragraph in _paragraphs(text))


def _paragraphs(text: str) -> Iterator[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip():
            lines.append(line)
            continue
        if lines:
            yield "\n".join(lines)
            lines.clear()
        yield line
    if lines:
        yield "\n".join(lines)


def _converted(src: str) -> Iterator[str]:
    at = formula_end = 0
    while step := _STEP.search(src, at):
        yield src[at : step.start()]
        start, at, mark = step.start(), step.end(), step[0]
        if mark[0] == "`":
            at = _span_end(src, start, at)
            yield src[start:at]
        elif formula := _formula(src, start, mark):
            source, at = formula
            yield " " * _needs_space(src, start, formula_end) + source
            formula_end = at
        elif mark == r"\begin{":
            yield mark
        else:
            yield rf"\{mark}" if mark == "$" else mark
    yield src[at:]


def _needs_space(src: str, start: int, formula_end: int) -> bool:
    """Whether a dollar sign at a place would not begin a formula.

    Two formulas that touch would have two of them between, and one after a word is money.
    """
    before = src[start - 1 : start]
    return 0 < start == formula_end or (before.isascii() and before.isalnum())


def _formula(src: str, start: int, mark: str) -> tuple[str, int] | None:
    """Return a formula that begins at a mark, between dollar signs, and its end."""
    if mark == r"\begin{":
        return _environment(src, start)
    formula = formula_at(src, start) if mark in ("$", r"\(", r"\[") else None
    if formula is None:
        return None
    content, end, display = formula
    if mark[0] == "\\":
        content = _without_dollars(content)
    if display:
        return f"$${standard_tex(content)}$$", end
    # After a dollar sign and before a digit none ends a formula.
    return f"${standard_tex(content).strip()}$" + " " * src[end : end + 1].isdigit(), end


def _environment(src: str, start: int) -> tuple[str, int] | None:
    begins = ENVIRONMENT.match(src, start)
    line = src.rfind("\n", 0, start) + 1
    if begins is None or not _BEFORE_BLOCK.fullmatch(src, line, start):
        return None
    closer = rf"\end{{{begins[1]}}}"
    ends = _places(src, closer)
    at = bisect_left(ends, start)
    if at == len(ends) or ends[at] - start > MAX_FORMULA or "`" in src[start : ends[at]]:
        return None
    end = ends[at] + len(closer)
    return f"$${standard_tex(_without_dollars(src[start:end]))}$$", end


def _without_dollars(content: str) -> str:
    """Return TeX in which no dollar sign ends the formula: a pair around text becomes brackets."""
    pieces = _INNER.split(content)
    marks = (r"\(", r"\)") if len(pieces) % 4 == 1 else (r"\$", r"\$")
    return pieces[0] + "".join(
        backslashes + marks[number % 2] + rest
        for number, (backslashes, rest) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True))
    )


def _span_end(src: str, start: int, end: int) -> int:
    """Return where a span of code ends that begins with some ticks; none is only its ticks."""
    closers = _runs(src).get(end - start, [])
    at = bisect_left(closers, end)
    return closers[at] + end - start if at < len(closers) else end


@lru_cache(maxsize=4)
def _runs(src: str) -> dict[int, list[int]]:
    """Return the places of the backticks of a text, by how many stand together."""
    runs: dict[int, list[int]] = {}
    for ticks in _TICKS.finditer(src):
        runs.setdefault(len(ticks[0]), []).append(ticks.start())
    return runs


@lru_cache(maxsize=8)
def _places(src: str, closer: str) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(closer), src)]
