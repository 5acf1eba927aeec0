"""What happened between the reasoning and the answer: tool calls, and requests made again.

Pages that a provider's own web search found, as links.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

from ...core.messages import RunStatus, ToolCall, ToolRun, WebLink
from ...core.text import escape_controls
from ...core.turn import Step, Turn
from ..header import seconds
from ..labels import Labels
from ..markup.escape import escape_attribute, escape_html, strip_blank_lines
from ..markup.highlight import block_html
from ..markup.links import SAFE_LINK
from ..markup.markdown import markdown_html
from ..markup.sanitize import fenced, sanitize_markdown

MAX_LINKS = 50

_LIST = "margin:0 0 10px;padding-left:20px;font-size:13px"


def links_html(links: Sequence[WebLink]) -> str:
    """Return pages as a list of links, each with its host; empty where there are none."""
    items = "".join(f"<li>{_item(link)}</li>" for link in _safe(links))
    return f'<ol class="glm-w" style="{_LIST}">{items}</ol>\n' if items else ""


def _item(link: WebLink) -> str:
    label, about = escape_html(escape_controls(link.title) or link.url), escape_html(_about(link))
    target = f'href="{escape_attribute(link.url)}" target="_blank" rel="noopener noreferrer"'
    # the host stands beside the title, which is the page's own and may say anything
    return f"<a {target}>{label}</a> <small>{about}</small>"


def link_lines(links: Sequence[WebLink]) -> Iterator[str]:
    """Yield pages as lines of plain text."""
    for number, link in enumerate(_safe(links), 1):
        yield f"[{number}] {link.title} {link.url}".replace("  ", " ")


def links_markdown(links: Sequence[WebLink]) -> str:
    """Return pages as a list of Markdown links."""
    return "\n".join(
        f"{number}. [{_label(link)}](<{quote(link.url, safe=_IN_URLS)}>) {_escaped(_about(link))}"
        for number, link in enumerate(_safe(links), 1)
    )


_IN_URLS = ":/?#[]@!$&'()*+,;=%~-._"


def _label(link: WebLink) -> str:
    return _escaped(" ".join(escape_controls(link.title or link.url).split()))


def _escaped(text: str) -> str:
    """Keep the words of a page from being read as Markdown."""
    text = escape_html(escape_controls(text))
    return "".join(f"\\{c}" if c in "\\[]`*_~" else c for c in text)


def _safe(links: Sequence[WebLink]) -> list[WebLink]:
    return [link for link in links if SAFE_LINK.match(link.url)][:MAX_LINKS]


def _about(link: WebLink) -> str:
    try:
        host = urlsplit(link.url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    parts = (host, escape_controls(link.site), escape_controls(link.date))
    return " · ".join(" ".join(part.split()) for part in parts if part.strip())


LONGEST_SHOWN = 4000
"""Characters of arguments or of a result; the model gets more than a reader wants to see."""

LONGEST_HINT = 60
"""Characters of the arguments that stand beside the name."""

_MARKS: dict[RunStatus, str] = {
    "running": "…",
    "done": "✓",
    "failed": "✗",
    "refused": "⊘",
    "interrupted": "◼",
}


def steps_html(turn: Turn, said: Labels) -> str:
    """Return the calls and remarks of a turn in order; empty for a reply without any."""
    steps = "".join(_step_html(turn, step, at, said) for at, step in enumerate(turn.steps))
    return steps + links_html(turn.links)


def _step_html(turn: Turn, step: Step, at: int, said: Labels) -> str:
    remark = remark_of(step, said)
    lines = [f'<p class="glm-g"><i>{escape_html(remark)}</i></p>\n'] if remark else []
    if step.content.strip() and at + 1 < len(turn.steps) and step.tool_calls:
        lines.append(f'<div class="glm-i">{markdown_html(strip_blank_lines(step.content))}</div>\n')
    lines += [call_html(call, step.run_of(call), said) for call in step.tool_calls]
    return "".join(lines)


def remark_of(step: Step, said: Labels) -> str:
    """Return why a request was made again; empty for the user's own prompt."""
    return {"answer now": said.hurried, "repair": said.repaired}.get(step.cause, "")


def call_html(call: ToolCall, run: ToolRun | None, said: Labels) -> str:
    """Return one tool call: name, state and time on a line that opens to all of it."""
    parts = [f"<p>{said.arguments}</p>{_code(_pretty(call.arguments))}"]
    if run is not None and run.content:
        label = said.result if run.status == "done" else said.failed
        parts.append(f"<p>{escape_html(label)}</p>{_code(_pretty(run.content))}")
    kind = "waiting" if run is None else run.status
    # A failure is worth reading at once.
    opened = " open" if kind in ("failed", "refused") else ""
    return (
        f'<details class="glm-tool glm-tool-{kind}"{opened}><summary>{_headline(call, run, said)}'
        f"</summary>{''.join(parts)}</details>\n"
    )


def _headline(call: ToolCall, run: ToolRun | None, said: Labels) -> str:
    hint = escape_html(_short(call.arguments))
    name = f"<b>{escape_html(call.name)}</b> <code>{hint}</code>"
    return f"{name} {escape_html(state_of(run, said))}"


def state_of(run: ToolRun | None, said: Labels) -> str:
    """Return how a call stands, in words, with its time."""
    if run is None:
        return ""
    word = str(getattr(said, f"call_{run.status}"))
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
    if len(text) <= LONGEST_SHOWN:
        return text
    return f"{text[:LONGEST_SHOWN]}\n… ({len(text) - LONGEST_SHOWN:,})"


def _code(shown: tuple[str, str]) -> str:
    text, language = shown
    return block_html(text, language)


def step_lines(turn: Turn, said: Labels) -> Iterator[str]:
    """Yield the same as lines of plain text, one for each call or remark."""
    for step in turn.steps:
        if remark := remark_of(step, said):
            yield remark
        yield from call_lines(step, said)
    yield from link_lines(turn.links)


def call_lines(step: Step, said: Labels) -> Iterator[str]:
    """Yield one line of plain text for each tool call of a reply."""
    for call in step.tool_calls:
        state = state_of(step.run_of(call), said)
        yield f"{call.name} {_short(call.arguments)} {state}".rstrip()


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_HINT else text[: LONGEST_HINT - 1] + "…"


def steps_markdown(turn: Turn, said: Labels) -> str:
    """Return the same as Markdown."""
    blocks = []
    for at, step in enumerate(turn.steps):
        remark = remark_of(step, said)
        blocks += [f"*{remark}*"] if remark else []
        if step.content.strip() and at + 1 < len(turn.steps) and step.tool_calls:
            blocks.append(sanitize_markdown(strip_blank_lines(step.content)))
        blocks += [_call_markdown(call, step.run_of(call), said) for call in step.tool_calls]
    blocks += [links_markdown(turn.links)] if turn.links else []
    return "\n\n".join(blocks)


def _call_markdown(call: ToolCall, run: ToolRun | None, said: Labels) -> str:
    text, language = _pretty(call.arguments)
    parts = [fenced(text, language or "text")]
    if run is not None and run.content:
        text, language = _pretty(run.content)
        parts.append(fenced(text, language or "text"))
    # an empty line would end the HTML here, and Markdown begin
    head = escape_html(" ".join(f"{call.name} {state_of(run, said)}".split()))
    inside = "\n\n".join(parts)
    return f"<details><summary>{head}</summary>\n\n{inside}\n\n</details>"
