"""A turn as Markdown and as plain text, for hosts without HTML."""

from __future__ import annotations

from ...core.text import escape_controls
from ...core.turn import Turn
from ..header import facts, failure, missing_answer, remarks
from ..labels import Labels
from ..markup.escape import escape_markdown, strip_blank_lines
from ..markup.sanitize import Tame, fenced, joined
from ..options import ViewOptions
from ..variants import others_markdown
from .steps import step_lines, steps_markdown


def header_line(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return the header on one line; a reply that is complete does not say so."""
    items = [
        item.text
        for item in facts(turn, options, labels)
        if item.kind != "state" or item.text != labels.complete
    ]
    return " · ".join(items)


def plain_text(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return header, remarks, error, steps and answer.

    The reasoning only where there is no answer, or the answer is held back.
    """
    parts = [
        f"[{header_line(turn, options, labels)}]",
        *(f"[{line}]" for line in remarks(turn, options, labels)),
        failure(turn, labels),
        *(f"[{line}]" for line in step_lines(turn, labels)),
        missing_answer(turn, labels) or _plain_answer(turn, options, labels),
    ]
    answered = turn.answer.strip() and options.hold != "answer"
    if not answered and turn.reasoning.strip() and options.show_thinking != "hide":
        parts.append(strip_blank_lines(turn.reasoning))
    return escape_controls("\n\n".join(part for part in parts if part))


def _plain_answer(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    return f"[{labels.answer_held}]" if options.hold == "answer" else strip_blank_lines(turn.answer)


def markdown_text(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return a turn as Markdown that any host may render, its reasoning behind a toggle."""
    return joined(
        lambda tame: [
            f"**{escape_markdown(header_line(turn, options, labels))}**",
            *(f"*{escape_markdown(line)}*" for line in remarks(turn, options, labels)),
            quoted_error(failure(turn, labels)),
            steps_markdown(turn, labels, tame),
            escape_markdown(missing_answer(turn, labels)) or _answer(turn, options, labels, tame),
            _reasoning(turn, options, labels, tame),
            others_markdown(turn, options, labels, tame),
        ]
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


def _reasoning(turn: Turn, options: ViewOptions, labels: Labels, tame: Tame) -> str:
    reasoning = strip_blank_lines(turn.reasoning)
    if not reasoning or options.show_thinking == "hide":
        return ""
    body = tame(reasoning)
    return f"<details><summary>{labels.reasoning}</summary>\n\n{body}\n\n</details>"
