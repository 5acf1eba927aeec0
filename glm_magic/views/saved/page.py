"""The saved form of a turn: one output that reads the same wherever the file is opened.

Styles are written twice on purpose. The skeleton carries inline ones, the only kind that a
notebook keeps when it is not trusted; the small style sheet refines them where it is allowed. The
answer comes first in the document, for hosts that strip every style, and the reasoning is moved to
its left by ``order``.

What a saved output says about its turn, for programs.

A JSON list of records as a table.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ...core.turn import Turn
from ..header import Fact, facts, failure, missing_answer, phase, reasoning_tokens, remarks
from ..labels import Labels, anatomy_words, labels_for
from ..markup.escape import escape_attribute, escape_html, strip_blank_lines
from ..markup.highlight import COPY_BUTTON, block_html
from ..markup.markdown import markdown_html, plain_html
from ..options import Format, ViewOptions
from ..variants import others_html, with_arrows
from .assets import style_of
from .breakdown import breakdown_html
from .outline import outline_html
from .plaintext import markdown_text, plain_text
from .player import player_data, player_script
from .steps import steps_html

SCHEMA = 1
"""Rises when a key changes its meaning."""


def metadata(turn: Turn) -> dict[str, Any]:
    """Return the facts of a turn as JSON values; ``None`` is unknown."""
    usage = turn.usage
    last = turn.steps[-1] if turn.steps else None
    return {
        "schema": SCHEMA,
        "model": turn.model,
        "resolved_model": last.resolved_model if last else None,
        "provider": turn.provider,
        "status": turn.status,
        "finish_reason": turn.finish_reason,
        "usage": asdict(usage) if usage else None,
        "estimate": asdict(turn.estimate) if turn.estimate else None,
        "cost": _cost(turn),
        "timing": asdict(turn.timing),
        "steps": len(turn.steps),
        "notices": [notice.code for notice in turn.notices],
    }


def _cost(turn: Turn) -> dict[str, Any] | None:
    cost = turn.cost
    if cost is None:
        return None
    # A decimal stays exact as a string; a JSON number would become a float.
    return {
        "amount": format(cost.amount, "f"),
        "currency": cost.currency,
        "estimated": cost.estimated,
    }


MAX_ROWS = 200
"""More is not read but analysed, which ``reply.to_frame()`` is for."""

MAX_COLUMNS = 30

_CELL = "padding:3px 10px;text-align:left;vertical-align:top"


def records(text: str) -> list[dict[str, Any]] | None:
    """Return the records of a JSON text that is a list of them, or an object with one such list."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and len(found) == 1:
        (found,) = found.values()
    is_list = isinstance(found, list) and bool(found)
    return found if is_list and all(isinstance(item, dict) and item for item in found) else None


def table_html(found: list[dict[str, Any]]) -> str:
    """Return records as a table; keys of any record are columns."""
    columns = list(dict.fromkeys(key for item in found for key in item))[:MAX_COLUMNS]
    head = "".join(f'<th style="{_CELL}">{escape_html(name)}</th>' for name in columns)
    rows = "".join(f"<tr>{_row(item, columns)}</tr>\n" for item in found[:MAX_ROWS])
    left = len(found) - MAX_ROWS
    more = f"<p><i>+{left:,}</i></p>\n" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>\n{more}"


def _row(item: dict[str, Any], columns: list[str]) -> str:
    cells = (_text(item[name]) if name in item else "" for name in columns)
    return "".join(f'<td style="{_CELL}">{escape_html(cell)}</td>' for cell in cells)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_LINE = "1px solid rgba(128,128,128,.35)"

_STYLES = {
    "root": f"border:{_LINE};border-radius:8px;overflow:hidden",
    "head": (
        "display:flex;flex-wrap:wrap;align-items:center;gap:2px 14px;padding:7px 12px;"
        f"font-size:12px;border-bottom:{_LINE};background:rgba(128,128,128,.08)"
    ),
    "dot": "display:inline-block;width:8px;height:8px;border-radius:50%",
    "remark": f"padding:5px 12px;font-size:12px;opacity:.8;border-bottom:{_LINE}",
    "error": "margin:0 0 10px;padding:7px 11px;border-left:3px solid #d32f2f;"
    "background:rgba(211,47,47,.1);white-space:pre-wrap",
    "body": "display:flex;flex-wrap:wrap",
    "answer": "flex:8 1 320px;min-width:0;padding:10px 16px;overflow:auto;overflow-wrap:break-word",
    "open": f"order:-1;flex:5 1 260px;min-width:0;padding:6px 12px;border-right:{_LINE}",
    "closed": f"order:-1;flex:0 1 auto;min-width:0;padding:6px 12px;border-right:{_LINE}",
    "reasoning": "max-height:480px;overflow:auto;overflow-wrap:break-word;font-size:13px;"
    "opacity:.8",
}

# Ours and constant; pages that do not trust the notebook drop it, and hide the buttons.
_COPY = (
    "let b=event.target.closest('.glm-c'),c=b&&b.parentNode.lastChild,"
    "d=function(){b.dataset.done='✓';setTimeout(function(){delete b.dataset.done},1400)};"
    "b&&(navigator.clipboard?navigator.clipboard.writeText(c.textContent).then(d):"
    "(getSelection().selectAllChildren(c),document.execCommand('copy')&&d()))"
)

_DOTS = {"complete": "#2e7d32", "failed": "#d32f2f"}

_AMBER = "#c77700"


def bundle(
    turn: Turn, options: ViewOptions, opened: bool | None = None, revealed: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the saved output of a turn.

    Parameters
    ----------
    turn : Turn
        The turn; a running one gives what has arrived.
    options : ViewOptions
        What the user chose.
    opened : bool, optional
        Whether the user left the reasoning open; ``None`` when the toggle was not touched.
    revealed : bool
        Whether the user asked for an answer that was held back.

    Returns
    -------
    tuple of dict
        The data, by MIME type, and the metadata, with everything under ``glm_magic``.
    """
    said = labels_for(options.language)
    data = {
        "text/html": page_html(turn, options, said, opened, revealed),
        "text/markdown": markdown_text(turn, options, said),
        "text/plain": plain_text(turn, options, said),
    }
    return data, {"glm_magic": metadata(turn)}


def page_html(
    turn: Turn,
    options: ViewOptions,
    said: Labels,
    opened: bool | None = None,
    revealed: bool = False,
) -> str:
    """Return the static page of a turn; `opened` is the user's own choice, if there was one."""
    label = escape_attribute(said.reply_of.format(model=turn.model))
    inside = _inside(turn, options, said, opened, revealed)
    css = style_of(options.place, inside)
    style = f"<style>{css}</style>" if css else ""
    copies = f' onclick="{_COPY}"' if COPY_BUTTON in inside else ""
    data = player_data(turn, anatomy_words(said))
    return (
        f'<div class="glm" data-s="{phase(turn)}" role="group" aria-label="{label}"'
        f' style="{_STYLES["root"]}"{copies}{data}>{style}{inside}'
        f"{player_script(turn, options.place)}</div>"
    )


def _inside(
    turn: Turn, options: ViewOptions, said: Labels, opened: bool | None, revealed: bool
) -> str:
    answer = answer_html(turn, options.format, said)
    if options.hold == "answer" and turn.answer.strip():
        shown = " open" * revealed
        answer = (
            f'<details class="glm-o"{shown}><summary>{said.show_answer}</summary>{answer}</details>'
        )
    answer = error_html(turn, said) + steps_html(turn, said) + answer
    answer += others_html(turn, options, said)
    return (
        f'<div class="glm-h" style="{_STYLES["head"]}">{header_html(turn, options, said)}</div>\n'
        f"{remarks_html(turn, options, said)}"
        f'<div class="glm-b{" glm-k" * bars(turn, options)}" style="{_STYLES["body"]}">'
        f'<div class="glm-a" style="{_STYLES["answer"]}">{answer}</div>\n'
        f"{_reasoning_column(turn, options, said, opened)}</div>"
        f"{breakdown_html(turn, said)}"
    )


def bars(turn: Turn, options: ViewOptions) -> bool:
    """Whether closed reasoning is a line above the answer, where a rail beside it is no good."""
    return options.hold == "thinking" or (len(turn.steps) < 2 and is_short(turn.answer))


def is_short(answer: str) -> bool:
    """Whether an answer is a few lines of text, beside which a rail would stand empty."""
    bulky = ("```", "~~~", "|", "$$", "\\[", "\n#")
    return len(answer) < 300 and answer.count("\n") < 4 and not any(m in answer for m in bulky)


def header_html(turn: Turn, options: ViewOptions, said: Labels) -> str:
    """Return the items of the header; real spaces keep them apart without any style."""
    now = phase(turn)
    dot = f'<span class="glm-dot" style="{_STYLES["dot"]};background:{_dot(now)}"></span>'
    return dot + " ".join(
        _fact_html(item, now)
        if item.kind != "run"
        else _tag(item, with_arrows(item.text, turn, options, said))
        for item in facts(turn, options, said)
    )


def _fact_html(item: Fact, now: str) -> str:
    if item.kind == "state":
        # The dot alone says complete; every other state is worth a word.
        kind = "glm-v" if now == "complete" else "glm-s"
        return f'<span class="{kind}">{escape_html(item.text)}</span>'
    return _tag(item, escape_html(item.text))


def _tag(item: Fact, inside: str) -> str:
    title = f' title="{escape_attribute(item.title)}"' if item.title else ""
    tag = "b" if item.kind == "model" else "span"
    return f'<{tag} class="glm-{item.kind}"{title}>{inside}</{tag}>'


def _dot(now: str) -> str:
    return _DOTS.get(
        now, "#1976d2" if now in ("waiting", "thinking", "calling", "answering") else _AMBER
    )


def remarks_html(turn: Turn, options: ViewOptions, said: Labels) -> str:
    """Return the lines below the header, if there are any."""
    lines = "<br>".join(escape_html(line) for line in remarks(turn, options, said))
    return f'<div class="glm-n" style="{_STYLES["remark"]}">{lines}</div>\n' if lines else ""


def error_html(turn: Turn, said: Labels) -> str:
    """Return the words of the error that ended a turn."""
    if not turn.error:
        return ""
    return (
        f'<div class="glm-e" style="{_STYLES["error"]}">{escape_html(failure(turn, said))}</div>\n'
    )


def answer_html(turn: Turn, form: Format | None, said: Labels) -> str:
    """Return the answer, or why there is none."""
    gap = missing_answer(turn, said)
    if gap:
        return f'<p class="glm-g"><i>{escape_html(gap)}</i></p>\n'
    return format_html(strip_blank_lines(turn.answer), form)


def format_html(text: str, form: Format | None) -> str:
    """Return an answer in the form that was asked for."""
    if form == "text":
        return plain_html(text)
    return _json_html(text) if form == "json" else markdown_html(text)


def _json_html(text: str) -> str:
    """Return a JSON answer as a table or indented; what is not JSON stays as it is."""
    found = records(text)
    if found is not None:
        return table_html(found)
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return block_html(text, "")
    return block_html(text, "json")


def summary_html(turn: Turn, options: ViewOptions, said: Labels) -> str:
    """Return what stands on the toggle of the reasoning."""
    count = reasoning_tokens(turn, said)
    label = said.show_reasoning if options.hold == "thinking" else said.reasoning
    return f"<b>{label}</b>" + (f" <span>{count}</span>" if count else "")


def opens(turn: Turn, options: ViewOptions) -> bool:
    """Whether the reasoning stands open when the user has not touched it."""
    if options.hold == "thinking":
        return False
    if options.show_thinking in ("open", "closed"):
        return options.show_thinking == "open"
    return options.hold == "answer" or not turn.answer.strip()


def _reasoning_column(turn: Turn, options: ViewOptions, said: Labels, opened: bool | None) -> str:
    reasoning = strip_blank_lines(turn.reasoning)
    if not reasoning or options.show_thinking == "hide":
        return ""
    is_open = opens(turn, options) if opened is None else opened
    style = _STYLES["open" if is_open else "closed"]
    read = outline_html(markdown_html(reasoning), anatomy_words(said))
    return (
        f'<details class="glm-r{" glm-hr" * (options.hold == "thinking")}" style="{style}"'
        f"{' open' * is_open}>"
        f"<summary>{summary_html(turn, options, said)}</summary>"
        f'<div class="glm-t" style="{_STYLES["reasoning"]}">{read}</div>'
        "</details>"
    )
