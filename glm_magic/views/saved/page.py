"""The saved form of a turn: one output that reads the same wherever the file is opened.

Styles are written twice on purpose. The elements carry inline ones, the only kind that survives in
a notebook that is not trusted; a small style sheet refines them where it is allowed. The answer
comes first in the document, for hosts that strip every style, and ``order`` moves the reasoning to
its left.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from ...core.turn import Turn
from ..header import Fact, Phase, facts, failure, phase, remarks
from ..labels import Labels, labels_for
from ..markup.escape import SUMMARY, escape_attribute, escape_html, strip_blank_lines
from ..markup.highlight import COPY_BUTTON
from ..markup.markdown import markdown_html
from ..options import ViewOptions
from ..variants import others_html, with_arrows
from .answer import answer_html
from .assets import style_of
from .doubt import doubt_html
from .formulas import with_formulas
from .outline import outline_html
from .pictures import pictures_html
from .plaintext import markdown_text, plain_text
from .player import can_play, page_script, player_data
from .steps import steps_html
from .thought import is_whole, parts_html, pencil_html, rethought
from .timeline import timeline_html

SCHEMA = 1
"""Version of the metadata; rises when a key changes its meaning."""

_LINE = "1px solid rgba(128,128,128,.35)"

_STYLES = {
    "root": f"border:{_LINE};border-radius:8px;overflow:hidden",
    "head": f"padding:.6em 1em;font-size:.86em;border-bottom:{_LINE};"
    "background:rgba(128,128,128,.08)",
    "dot": "display:inline-block;width:.6em;height:.6em;margin-right:.6em;border-radius:50%",
    "remark": f"padding:.4em 1em;font-size:.86em;opacity:.8;border-bottom:{_LINE}",
    "error": "margin:0 0 .7em;padding:.5em .8em;border-left:3px solid #d32f2f;"
    "background:rgba(211,47,47,.1);white-space:pre-wrap",
    "body": "display:flex;flex-wrap:wrap",
    "answer": "flex:8 1 23em;min-width:0;padding:.7em 1.1em;overflow:auto;overflow-wrap:break-word",
    "open": f"order:-1;flex:5 1 18em;min-width:0;padding:.4em .86em;border-right:{_LINE}",
    "wide": f"order:-1;flex:1 1 100%;min-width:0;padding:.4em .86em;border-bottom:{_LINE}",
    "closed": f"order:-1;flex:0 1 auto;min-width:0;padding:.4em .86em;border-right:{_LINE}",
    "reasoning": "max-height:34em;overflow:auto;overflow-wrap:break-word;font-size:.93em;"
    "opacity:.8",
}

# Constant, and the only script in the page but the player. A page that does not trust the
# notebook drops it, and the style sheet with it, which alone shows the buttons.
_COPY = (
    "let b=event.target.closest('.glm-c'),c=b&&b.parentNode.lastChild,"
    "d=function(){b.dataset.done='✓';setTimeout(function(){delete b.dataset.done},1400)};"
    "b&&(navigator.clipboard?navigator.clipboard.writeText(c.textContent).then(d):"
    "(getSelection().selectAllChildren(c),document.execCommand('copy')&&d()))"
)

# Each stands out from a light page and from a dark one, 3 : 1 at least.
_DOTS = {"complete": "#3d9142", "failed": "#e0413d"}
_BLUE, _AMBER = "#2f84d6", "#c77700"

_SEPARATOR = " · "
"""Between facts, so that they are apart where every style is dropped."""

FEW = 400
"""Characters of a reasoning that needs no room of its own to scroll in."""


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
    labels = labels_for(options.language)
    data = {
        "text/html": page_html(turn, options, labels, opened, revealed),
        "text/markdown": markdown_text(turn, options, labels),
        "text/plain": plain_text(turn, options, labels),
    }
    return data, {"glm_magic": metadata(turn)}


_HEADING = re.compile(r"<h([1-6])(?=[ >])")


def no_chapters(body: str) -> str:
    """Return HTML whose headings are no chapters of the notebook.

    JupyterLab lists the headings of outputs in its table of contents, between those of the author.
    """
    return _HEADING.sub(r'<h\1 class="tocSkip"', body)


def page_html(
    turn: Turn,
    options: ViewOptions,
    labels: Labels,
    opened: bool | None = None,
    revealed: bool = False,
) -> str:
    """Return the page of a turn as HTML; the parameters are those of `bundle`."""
    label = escape_attribute(labels.reply_of.format(model=turn.model))
    inside = no_chapters(_inside(turn, options, labels, opened, revealed))
    css = style_of(options.position, inside)
    style = f"<style>{css}</style>" if css else ""
    copies = f' onclick="{_COPY}"' if COPY_BUTTON in inside else ""
    data = player_data(turn)
    return (
        f'<div class="glm" data-s="{phase(turn)}" role="group" aria-label="{label}"'
        f' style="{_STYLES["root"]}"{copies}{data}>{style}{with_formulas(inside)}'
        f"{page_script(turn, options.position, labels)}</div>"
    )


def _inside(
    turn: Turn, options: ViewOptions, labels: Labels, opened: bool | None, revealed: bool
) -> str:
    answer = answer_html(turn, options.format, labels)
    if options.hold == "answer" and turn.answer.strip():
        shown = " open" * revealed
        summary = f"{SUMMARY}{labels.show_answer}</summary>"
        answer = f'<details class="glm-o"{shown}>{summary}{answer}</details>'
    answer = error_html(turn, labels) + steps_html(turn, labels) + answer
    answer += others_html(turn, options, labels)
    return (
        f'<div class="glm-h" style="{_STYLES["head"]}"><span class="glm-facts">'
        f"{header_html(turn, options, labels)}</span></div>\n"
        f"{timeline_html(turn, labels, plays=can_play(turn))}"
        f"{remarks_html(turn, options, labels)}"
        f'<div class="glm-b{" glm-k" * _stacks(turn, options)}" style="{_STYLES["body"]}">'
        f'<div class="glm-a" style="{_STYLES["answer"]}">{answer}</div>\n'
        f"{_reasoning_column(turn, options, labels, opened)}</div>"
        f"{doubt_html(turn, options, labels)}"
    )


def _stacks(turn: Turn, options: ViewOptions) -> bool:
    """Whether closed reasoning is a line above the answer rather than a rail beside it."""
    return options.hold == "thinking" or (len(turn.steps) < 2 and _is_short(turn.answer))


def _is_short(answer: str) -> bool:
    """Whether an answer is a few lines of text, beside which a rail would be empty."""
    bulky = ("```", "~~~", "|", "$$", "\\[", "\n#")
    return len(answer) < 300 and answer.count("\n") < 4 and not any(m in answer for m in bulky)


def header_html(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return the facts of the header as one line of text, after the dot of its state."""
    now = phase(turn)
    dot = f'<span class="glm-dot" style="{_STYLES["dot"]};background:{_dot(now)}"></span>'
    items = facts(turn, options, labels)
    ends = [_SEPARATOR] * (len(items) - 1) + [""]
    pieces = [
        _tag(item, with_arrows(item.text, turn, options, labels)) + end
        if item.kind == "run"
        else _fact_html(item, now, end)
        for item, end in zip(items, ends, strict=True)
    ]
    return dot + "".join(pieces)


def _fact_html(item: Fact, now: Phase, end: str) -> str:
    text = escape_html(item.text)
    if item.kind != "state":
        return _tag(item, text) + end
    # The dot alone says complete; every other state is worth a word.
    return (
        f'<span class="glm-v">{text}{end}</span>'
        if now == "complete"
        else f'<span class="glm-s">{text}</span>{end}'
    )


def _tag(item: Fact, inside: str) -> str:
    title = f' title="{escape_attribute(item.title)}"' if item.title else ""
    tag = "b" if item.kind == "model" else "span"
    return f'<{tag} class="glm-{item.kind}"{title}>{inside}</{tag}>'


def _dot(now: Phase) -> str:
    live = now in ("waiting", "thinking", "calling", "answering")
    return _DOTS.get(now, _BLUE if live else _AMBER)


def remarks_html(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return what the prompt shows and the lines below the header; empty when there are none."""
    pictures = pictures_html(turn.attachments, labels)
    lines = "<br>".join(escape_html(line) for line in remarks(turn, options, labels))
    if not lines:
        return pictures
    return f'{pictures}<div class="glm-n" style="{_STYLES["remark"]}">{lines}</div>\n'


def error_html(turn: Turn, labels: Labels) -> str:
    """Return the error that ended a turn; empty when there is none."""
    if not turn.error:
        return ""
    text = escape_html(failure(turn, labels))
    return f'<div class="glm-e" style="{_STYLES["error"]}">{text}</div>\n'


def summary_html(options: ViewOptions, labels: Labels) -> str:
    """Return the label of the toggle that opens the reasoning; its size is in the header."""
    label = labels.show_reasoning if options.hold == "thinking" else labels.reasoning
    return f"<b>{label}</b>"


def opens(turn: Turn, options: ViewOptions) -> bool:
    """Whether the reasoning is open while the user has not touched its toggle."""
    if options.hold == "thinking":
        return False
    if options.show_thinking in ("open", "closed"):
        return options.show_thinking == "open"
    compares = turn.status != "streaming" and rethought(turn) is not None
    return options.hold == "answer" or compares or not turn.answer.strip()


def _reasoning_column(turn: Turn, options: ViewOptions, labels: Labels, opened: bool | None) -> str:
    reasoning = strip_blank_lines(turn.reasoning)
    if not reasoning or options.show_thinking == "hide":
        return ""
    compares = rethought(turn) is not None
    is_open = opens(turn, options) if opened is None else opened
    style = _STYLES[("wide" if compares else "open") if is_open else "closed"]
    if is_whole(turn):
        html = outline_html(markdown_html(reasoning), labels)
    else:
        html = parts_html(turn, labels)
    html = pencil_html(turn, options, labels) + html
    kinds = " glm-hr" * (options.hold == "thinking") + " glm-few" * is_few(reasoning)
    kinds += " glm-anew" * compares
    return (
        f'<details class="glm-r{kinds}" style="{style}"{" open" * is_open}>'
        f"{SUMMARY}{summary_html(options, labels)}</summary>"
        f'<div class="glm-t" style="{_STYLES["reasoning"]}">{html}</div>'
        "</details>"
    )


def is_few(reasoning: str) -> bool:
    """Whether reasoning is a few lines of text, shown as high as it is."""
    return len(reasoning) < FEW and reasoning.count("\n") < 10


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
