"""What happened between the reasoning and the answer.

Tool calls with their results, requests that were made again and why, and the pages that a
provider's own web search found. A result and a page are as hostile as a model's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

from ...core.messages import RunStatus, ToolCall, ToolRun, WebLink
from ...core.text import escape_controls
from ...core.turn import Step, Turn
from ..header import seconds
from ..labels import Labels
from ..markup.escape import (
    SUMMARY,
    escape_attribute,
    escape_html,
    escape_markdown,
    strip_blank_lines,
    summary_text,
)
from ..markup.highlight import block_html
from ..markup.links import SAFE_LINK, leads_elsewhere
from ..markup.markdown import markdown_html
from ..markup.sanitize import Tame, fenced
from .pictures import pictures_html

MAX_LINKS = 50
"""Pages of a web search that are listed."""

_LIST = "margin:0 0 .7em;padding-left:1.4em;font-size:.93em"

MAX_SHOWN = 4000
"""Characters of arguments or of a result; the model gets more than a reader wants to see."""

MAX_HINT = 60
"""Characters of the arguments that are shown beside the name."""

_MARKS: dict[RunStatus, str] = {
    "running": "…",
    "done": "✓",
    "failed": "✗",
    "refused": "⊘",
    "interrupted": "◼",
}


def steps_html(turn: Turn, labels: Labels) -> str:
    """Return the calls, remarks and web pages of a turn in order; empty where there are none."""
    steps = "".join(_step_html(turn, index, labels) for index in range(len(turn.steps)))
    return steps + links_html(turn.links)


def _step_html(turn: Turn, index: int, labels: Labels) -> str:
    step = turn.steps[index]
    remark = remark_of(step, labels)
    lines = [f'<p class="glm-g"><i>{escape_html(remark)}</i></p>\n'] if remark else []
    if _spoke_before_calling(turn, index):
        lines.append(f'<div class="glm-i">{markdown_html(strip_blank_lines(step.content))}</div>\n')
    lines += [_call_html(call, step.run_of(call), labels) for call in step.tool_calls]
    return "".join(lines)


def _spoke_before_calling(turn: Turn, index: int) -> bool:
    """Whether a step has text that is not the turn's answer, since it went on to call tools."""
    step = turn.steps[index]
    return bool(step.content.strip() and index + 1 < len(turn.steps) and step.tool_calls)


def remark_of(step: Step, labels: Labels) -> str:
    """Return why a request was made again; empty for the user's own prompt."""
    remarks = {
        "answer now": labels.hurried,
        "repair": labels.repaired,
        "think on": labels.pushed,
        "end thinking": labels.ended_thought,
    }
    return remarks.get(step.cause, "")


def _call_html(call: ToolCall, run: ToolRun | None, labels: Labels) -> str:
    """Return one tool call: name, state and time on a line that opens the rest."""
    parts = [f"<p>{labels.arguments}</p>{_code(_pretty(call.arguments))}"]
    if run is not None and run.content:
        label = labels.result if run.status == "done" else labels.failed
        parts.append(f"<p>{escape_html(label)}</p>{_code(_pretty(run.content))}")
        parts.append(pictures_html(run.attachments, labels, line=False))
    kind = "waiting" if run is None else run.status
    # A reader wants to see a failure at once.
    opened = " open" if kind in ("failed", "refused") else ""
    return (
        f'<details class="glm-tool glm-tool-{kind}"{opened}>{SUMMARY}'
        f"{_headline(call, run, labels)}</summary>{''.join(parts)}</details>\n"
    )


def _headline(call: ToolCall, run: ToolRun | None, labels: Labels) -> str:
    hint = escape_html(_short(call.arguments))
    name = f"<b>{escape_html(_name(call))}</b> <code>{hint}</code>"
    return f"{name} {escape_html(_state_of(run, labels))}"


def _name(call: ToolCall) -> str:
    return call.name if call.name.strip() else "?"  # as a server may have sent it


def _state_of(run: ToolRun | None, labels: Labels) -> str:
    """Return the state of a call with its time; empty while it waits for its turn."""
    if run is None:
        return ""
    word = str(getattr(labels, f"call_{run.status}"))
    return f"{_MARKS[run.status]} {word} {seconds(run.elapsed_s)}"


def _pretty(text: str) -> tuple[str, str]:
    """Return a text and its language: JSON indented, anything else as it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _cut(text), ""
    if isinstance(value, str):
        return _cut(value), ""
    return _cut(json.dumps(value, indent=1, ensure_ascii=False)), "json"


def _cut(text: str) -> str:
    text = escape_controls(text)
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[:MAX_SHOWN]}\n… ({len(text) - MAX_SHOWN:,})"


def _code(shown: tuple[str, str]) -> str:
    text, language = shown
    return block_html(text, language)


def step_lines(turn: Turn, labels: Labels) -> Iterator[str]:
    """Yield the calls, remarks and web pages of a turn as lines of plain text."""
    for step in turn.steps:
        if remark := remark_of(step, labels):
            yield remark
        yield from call_lines(step, labels)
    yield from link_lines(turn.links)


def call_lines(step: Step, labels: Labels) -> Iterator[str]:
    """Yield one line of plain text for each tool call of a reply."""
    for call in step.tool_calls:
        state = _state_of(step.run_of(call), labels)
        yield f"{_name(call)} {_short(call.arguments)} {state}".rstrip()


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_HINT else text[: MAX_HINT - 1] + "…"


def steps_markdown(turn: Turn, labels: Labels, tame: Tame) -> str:
    """Return the calls, remarks and web pages of a turn as Markdown.

    `tame` makes the text of a model harmless.
    """
    blocks = []
    for index, step in enumerate(turn.steps):
        remark = remark_of(step, labels)
        blocks += [f"*{escape_markdown(remark)}*"] if remark else []
        if _spoke_before_calling(turn, index):
            blocks.append(tame(strip_blank_lines(step.content)))
        blocks += [_call_markdown(call, step.run_of(call), labels) for call in step.tool_calls]
    joins = _JOINS_LIST.match(strip_blank_lines(turn.answer)) is not None
    blocks += [links_markdown(turn.links, listed=not joins)] if turn.links else []
    return "\n\n".join(blocks)


def _call_markdown(call: ToolCall, run: ToolRun | None, labels: Labels) -> str:
    text, language = _pretty(call.arguments)
    parts = [fenced(text, language or "text")]
    if run is not None and run.content:
        text, language = _pretty(run.content)
        parts.append(fenced(text, language or "text"))
    head = summary_text(f"{_name(call)} {_state_of(run, labels)}")
    inside = "\n\n".join(parts)
    return f"<details><summary>{head}</summary>\n\n{inside}\n\n</details>"


# Web pages


def links_html(links: Sequence[WebLink]) -> str:
    """Return web pages as a list of links, each with its host; empty where there are none."""
    items = "".join(f"<li>{_link_html(link)}</li>" for link in _safe(links))
    return f'<ol class="glm-w" style="{_LIST}">{items}</ol>\n' if items else ""


def _link_html(link: WebLink) -> str:
    label, about = escape_html(escape_controls(link.title) or link.url), escape_html(_about(link))
    target = f'href="{escape_attribute(link.url)}" target="_blank" rel="noopener noreferrer"'
    # The host is shown beside the title, which the page chooses itself.
    return f"<a {target}>{label}</a> <small>{about}</small>"


def link_lines(links: Sequence[WebLink]) -> Iterator[str]:
    """Yield web pages as lines of plain text."""
    for number, link in enumerate(_safe(links), 1):
        yield f"[{number}] {link.title} {link.url}".replace("  ", " ")


def links_markdown(links: Sequence[WebLink], *, listed: bool = True) -> str:
    """Return web pages as a list of Markdown links, or else as numbered lines."""
    dot, end = (".", "\n") if listed else ("\\.", "  \n")
    return end.join(
        f"{number}{dot} {_link_markdown(link)}" for number, link in enumerate(_safe(links), 1)
    )


_JOINS_LIST = re.compile(r"[ \t]|(?:[-*+]|\d{1,9}[.)])[ \t]")
"""How an answer begins that would be part of a list before it."""

_IN_URLS = ":/?#@!&'*+,;=%~-._"
"""Characters that an address keeps; the others could end it, or begin a formula."""


def _link_markdown(link: WebLink) -> str:
    title = " ".join(escape_controls(link.title).split())
    address = quote(link.url, safe=_IN_URLS)
    host = leads_elsewhere(title, link.url) if title else ""
    leads_to = f" (→ {escape_markdown(host)})" if host else ""
    return (
        f"[{escape_markdown(title or link.url)}](<{address}>){leads_to}"
        f" {escape_markdown(_about(link))}"
    )


def _safe(links: Sequence[WebLink]) -> list[WebLink]:
    return [link for link in links if SAFE_LINK.match(link.url)][:MAX_LINKS]


def _about(link: WebLink) -> str:
    try:
        host = urlsplit(link.url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    parts = (host, escape_controls(link.site), escape_controls(link.date))
    return " · ".join(" ".join(part.split()) for part in parts if part.strip())
