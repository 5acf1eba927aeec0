"""A turn as Markdown and as plain text, for hosts without HTML."""

from __future__ import annotations

from ...core.text import escape_controls, head_and_tail
from ...core.turn import Turn
from ..header import facts, failure, missing_answer, remarks, shown_line
from ..labels import Labels
from ..markup.escape import escape_markdown, strip_blank_lines
from ..markup.sanitize import Tame, fenced, join_parts
from ..options import ViewOptions
from ..variants import others_markdown
from .steps import step_lines, steps_markdown
from .thought import is_whole, labelled_parts

MAX_REASONING = 3000
"""Characters of the reasoning in plain text, where nothing can be folded away and no answer is."""

BRIEF = 600
"""Characters of the reasoning before an answer in plain text."""


def header_line(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return the header on one line; a reply that is complete does not say so."""
    items = [
        item.text
        for item in facts(turn, options, labels)
        if item.kind != "state" or item.text != labels.complete
    ]
    return " · ".join(items)


def plain_text(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return header, remarks, error, reasoning, steps and answer, as a terminal prints them.

    A long reasoning is cut: plain text has no toggle, and is saved with each page.
    """
    reasoning = _plain_reasoning(turn, options, labels)
    answer = missing_answer(turn, labels) or _plain_answer(turn, options, labels)
    parts = [
        f"[{header_line(turn, options, labels)}]",
        *(f"[{line}]" for line in _remarks(turn, options, labels)),
        failure(turn, labels),
        reasoning,
        *(f"[{line}]" for line in step_lines(turn, labels)),
        f"[{labels.answer}]\n{answer}" if reasoning and turn.answer.strip() else answer,
    ]
    return escape_controls("\n\n".join(part for part in parts if part))


def _remarks(turn: Turn, options: ViewOptions, labels: Labels) -> list[str]:
    shown = shown_line(turn.attachments, labels)
    return [*([shown] if shown else []), *remarks(turn, options, labels)]


def _plain_reasoning(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return the reasoning, or how to see it where it is folded; nothing where it is hidden."""
    reasoning = strip_blank_lines(turn.reasoning)
    if not reasoning or options.show_thinking == "hide":
        return ""
    if options.hold == "thinking":
        return f"[{labels.reasoning_held}]"
    if options.show_thinking == "closed":
        return f"[{labels.reasoning_folded}]"
    if not is_whole(turn):
        parts = [
            f"[{label}]\n{text}" if label else text for label, text in _cut_parts(turn, labels)
        ]
        return f"[{labels.reasoning}]\n" + "\n\n".join(parts)
    shown = _beginning(turn, reasoning, labels) if turn.answer.strip() else ""
    return f"[{labels.reasoning}]\n{shown or _both_ends(reasoning, labels)}"


def _cut_parts(turn: Turn, labels: Labels) -> list[tuple[str, str]]:
    """Return the parts of the reasoning, each with its label and with its middle left out."""
    return [(label, _both_ends(text, labels)) for label, text in labelled_parts(turn, labels)]


def _beginning(turn: Turn, reasoning: str, labels: Labels) -> str:
    """Return the first words of a reasoning, and how long it is."""
    if len(reasoning) <= BRIEF:
        return reasoning
    head = reasoning[:BRIEF].rsplit(None, 1)[0]
    count = turn.usage.reasoning if turn.usage else None
    size = labels.characters if count is None else labels.tokens
    whole = size.format(count=f"{len(reasoning) if count is None else count:,}")
    return f"{head} …\n[{labels.in_all.format(size=whole)}]"


def _both_ends(reasoning: str, labels: Labels) -> str:
    head, hidden, tail = head_and_tail(reasoning, MAX_REASONING)
    left_out = labels.left_out.format(count=f"{hidden:,}")
    return f"{head.rstrip()}\n[… {left_out} …]\n{tail.lstrip()}" if hidden else head


def _plain_answer(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    return f"[{labels.answer_held}]" if options.hold == "answer" else strip_blank_lines(turn.answer)


def markdown_text(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return a turn as Markdown that any host may render, its reasoning behind a toggle."""
    return join_parts(
        lambda tame: [
            f"**{escape_markdown(header_line(turn, options, labels))}**",
            *(f"*{escape_markdown(line)}*" for line in _remarks(turn, options, labels)),
            quoted_error(failure(turn, labels)),
            steps_markdown(turn, labels, tame),
            escape_markdown(missing_answer(turn, labels)) or _answer(turn, options, labels, tame),
            reasoning_markdown(turn, options, labels, tame),
            others_markdown(turn, options, labels, tame),
        ],
        unfinished=turn.status == "streaming",
    )


def quoted_error(error: str) -> str:
    """Return an error as a quote, line by line."""
    return "\n".join(f"> {escape_markdown(line)}" for line in error.splitlines())


def _answer(turn: Turn, options: ViewOptions, labels: Labels, tame: Tame) -> str:
    text = strip_blank_lines(turn.answer)
    if not text:
        return ""
    is_code = options.format in ("text", "json")
    answer = fenced(text, str(options.format)) if is_code else tame(text)
    if options.hold != "answer":
        return answer
    return f"<details><summary>{labels.show_answer}</summary>\n\n{answer}\n\n</details>"


def reasoning_markdown(turn: Turn, options: ViewOptions, labels: Labels, tame: Tame) -> str:
    """Return the reasoning behind a toggle; empty where there is none, or it is hidden."""
    reasoning = strip_blank_lines(turn.reasoning)
    if not reasoning or options.show_thinking == "hide":
        return ""
    if is_whole(turn):
        body = tame(reasoning)
    else:
        parts = labelled_parts(turn, labels)
        body = "\n\n".join(
            f"*{label}*\n\n{tame(text)}" if label else tame(text) for label, text in parts
        )
    return f"<details><summary>{labels.reasoning}</summary>\n\n{body}\n\n</details>"
