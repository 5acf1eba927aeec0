"""Where the model could well have written something else: tokens marked by doubt.

Below a reply whose server reported how probable its tokens were, behind a line that opens it. The
marks differ by more than colour, and are underlined, bold or highlighted where every style is
dropped. What else a token could have been is its title, which the keyboard reaches too.

The view takes at most `MAX_SHARE` times the text that it shows, of a short text `SMALL` bytes:
marks come before titles, and the most doubtful tokens first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...core.tokens import PARTS, Part, Token
from ...core.turn import Turn
from ..labels import Labels
from ..markup.escape import SUMMARY, escape_attribute, escape_html
from ..options import ViewOptions

MAX_SHARE = 3
"""Bytes of the view for each byte of the text that it shows."""
SMALL = 4000
_LEVELS: tuple[tuple[float, str], ...] = ((1.5, "mark"), (0.9, "b"), (0.5, "u"))
"""Bits of doubt from which on a token is marked, and the element that marks it."""
_SURE = -0.05
"""Above this, a token has less than half a bit of doubt, whatever else was possible."""
_OTHERS = 3
"""Alternatives in a title."""
_LONGEST = 16
"""Characters of an alternative in a title."""
_LEAST = 0.005
"""A less probable alternative is not worth a place."""
_SIGNS = str.maketrans({"\n": "⏎", "\t": "⇥", "\r": "⏎"})

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere"
_VIEW = "padding:.5em 1em;border-top:1px solid rgba(128,128,128,.35);font-size:.93em"


@dataclass(slots=True)
class _Piece:
    """A token with its mark."""

    token: Token
    doubt: float = 0.0
    element: str = ""
    title: str = ""

    @property
    def html(self) -> str:
        text = escape_html(self.token.text)
        return f"<{self.element}{_attributes(self.title)}>{text}</{self.element}>"


def doubt_html(turn: Turn, options: ViewOptions, labels: Labels, *, live: bool = False) -> str:
    """Return the texts of a turn with their tokens marked; empty where nothing was reported.

    What the user holds back or hides stays so. A turn that streams has it in the live panel alone,
    which does not make it again each time.
    """
    if turn.status == "streaming" and not live:
        return ""
    hidden = {"answer": options.hold == "answer", "reasoning": options.hold == "thinking"}
    hidden["reasoning"] = hidden["reasoning"] or options.show_thinking == "hide"
    shown = [(part, _tokens(turn, part)) for part in PARTS if not hidden[part]]
    columns = {part: list(map(_piece, tokens)) for part, tokens in shown if tokens}
    pieces = [piece for column in columns.values() for piece in column]
    if not pieces:
        return ""
    known = sum(piece.token.logprob is not None for piece in pieces)
    count = sum(bool(piece.element) for piece in pieces)
    counts = labels.doubt_count.format(count=f"{count:,}", total=f"{known:,}")
    size = sum(len(piece.token.text.encode()) for piece in pieces)
    frame = _frame(counts, dict.fromkeys(columns, ""), labels, is_open=options.doubt)
    room = max(MAX_SHARE * size, SMALL) - len(frame.encode())
    if not _fit(columns, room):
        return ""
    html = {part: _html(column) for part, column in columns.items()}
    return _frame(counts, html, labels, is_open=options.doubt)


def _frame(counts: str, columns: Mapping[Part, str], labels: Labels, *, is_open: bool) -> str:
    """Return the view around the texts."""
    named = {"reasoning": labels.reasoning, "answer": labels.answer}
    body = "".join(
        f'<div><p><b>{named[part]}</b></p><div class="glm-dt" style="{_TEXT}">{html}</div></div>'
        for part, html in columns.items()
    )
    return (
        f'<details class="glm-doubt" style="{_VIEW}"{" open" * is_open}>{SUMMARY}'
        f"<b>{labels.doubt}</b> "
        f"{escape_html(counts)}</summary><p>{_legend(labels)}</p>"
        f'<div class="glm-dc">{body}</div></details>\n'
    )


def _legend(labels: Labels) -> str:
    names = (labels.doubt_some, labels.doubt_more, labels.doubt_most)
    keys = (f"<{tag}>{name}</{tag}>" for name, (_, tag) in zip(names, _LEVELS[::-1], strict=True))
    return f'<span class="glm-dk">{" ".join(keys)}</span> {escape_html(labels.doubt_legend)}'


def _tokens(turn: Turn, part: Part) -> list[Token]:
    """Return the tokens of a part; of the reasoning of all steps, with the gaps between them."""
    if part == "answer":
        steps = turn.steps[-1:]
    else:
        steps = tuple(step for step in turn.steps if step.reasoning)
    joined: list[Token] = []
    for step in steps:
        gap = [Token(part, "\n\n")] if joined else []
        joined += [*gap, *step.tokens_of(part)]
    return joined if any(token.logprob is not None for token in joined) else []


def _piece(token: Token) -> _Piece:
    is_sure = token.logprob is None or token.logprob > _SURE
    if is_sure or not token.text.strip():
        return _Piece(token)
    doubt = token.doubt
    element = next((element for least, element in _LEVELS if doubt >= least), "")
    return _Piece(token, doubt, element)


def _fit(columns: Mapping[Part, Sequence[_Piece]], room: int) -> bool:
    """Keep as many marks, and then titles, as there is room for; return whether the texts fit."""
    for column in columns.values():
        room -= len(escape_html("".join(piece.token.text for piece in column)).encode())
    if room < 0:
        return False
    doubtful = [piece for column in columns.values() for piece in column if piece.element]
    doubtful.sort(key=lambda piece: -piece.doubt)
    for piece in doubtful:
        mark = len(f"<{piece.element}></{piece.element}>")
        if mark > room:
            piece.element = ""
        else:
            room -= mark
    for piece in doubtful:
        title = _title(piece.token)
        room -= len(_attributes(title).encode())
        if room < 0 or not piece.element:
            break
        piece.title = title
    return True


def _html(pieces: Sequence[_Piece]) -> str:
    """Return the HTML of tokens; those without a mark are escaped together, as one text."""
    runs = groupby(pieces, key=lambda piece: bool(piece.element))
    return "".join(
        "".join(piece.html for piece in run)
        if is_marked
        else escape_html("".join(piece.token.text for piece in run))
        for is_marked, run in runs
    )


def _attributes(title: str) -> str:
    return f' tabindex="0" title="{title}"' if title else ""


def _title(token: Token) -> str:
    """Return how probable a token was, and what else could have stood in its place."""
    others = [a for a in token.alternatives if a.text != token.text]
    others.sort(key=lambda a: -a.logprob)
    likely = [a for a in others[:_OTHERS] if math.exp(a.logprob) >= _LEAST] or others[:1]
    parts = [_percent(token.logprob or 0.0)]
    parts += [f"{_shown(a.text)} {_percent(a.logprob)}" for a in likely]
    return escape_attribute(" · ".join(parts))


def _shown(text: str) -> str:
    """Return a token on one line: without the space before a word, white space as signs."""
    text = text.replace(" ", "␣") if text.isspace() else text.strip(" ")
    text = text.translate(_SIGNS)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _percent(logprob: float) -> str:
    share = 100 * math.exp(logprob)
    return f"{share:.0f}%" if share >= 1 else "<1%"
