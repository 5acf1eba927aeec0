"""The reasoning of a turn in its parts: what was kept, what was written for it, what came of that.

A turn that thinks again shows beside these what stood there before, with the answer of that time.
Most turns have one part, which the model wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...core.turn import Given, Step, Turn
from ..labels import Labels
from ..markup.escape import escape_attribute, escape_html, strip_blank_lines
from ..markup.markdown import markdown_html
from ..options import ViewOptions
from ..variants import stamp

Kind = Literal["kept", "changed", "begun", "pushed", "own", "before", "answer_before"]

_BAR = "border-left:3px solid"
_STYLES: dict[Kind, str] = {
    "kept": "opacity:.75",
    "changed": f"{_BAR} #2f84d6;padding-left:.7em",
    "begun": f"{_BAR} #2f84d6;padding-left:.7em",
    "pushed": f"{_BAR} #2f84d6;padding-left:.7em",
    "own": "",
    "before": "",
    "answer_before": f"{_BAR} rgba(128,128,128,.5);padding-left:.7em",
}
_COLUMNS = "display:flex;flex-wrap:wrap;gap:.4em 1.6em"
_COLUMN = "flex:1 1 15em;min-width:0"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the reasoning, and whose it is."""

    kind: Kind
    text: str


def rethought(turn: Turn) -> Given | None:
    """Return what a turn that thinks again was given; ``None`` for any other."""
    given = turn.steps[0].given if turn.steps else None
    return given if given is not None and given.sentence is not None else None


def is_whole(turn: Turn) -> bool:
    """Whether the model began and ended the thought itself."""
    return all(step.given is None for step in turn.steps)


def parts_of(turn: Turn) -> list[Part]:
    """Return the reasoning in its parts, in order."""
    parts = (part for step in turn.steps for part in _parts(step))
    return [_stripped(part) for part in parts if part.text.strip()]


def _parts(step: Step) -> Iterator[Part]:
    given = step.given or Given()
    written: Kind = "changed" if given.sentence is not None else "begun"
    yield Part("kept", step.reasoning[: given.kept])
    yield Part(
        "pushed" if step.cause == "think on" else written,
        step.reasoning[given.kept : given.length],
    )
    yield Part("own", step.own_reasoning)


def before_of(given: Given) -> list[Part]:
    """Return what stood there before, and the answer of that time."""
    parts = (Part("before", given.before), Part("answer_before", given.answer))
    return [_stripped(part) for part in parts if part.text.strip()]


def _stripped(part: Part) -> Part:
    """Return a part without the blanks at its ends, which would make code of it."""
    return Part(part.kind, strip_blank_lines(part.text).strip(" "))


def label_of(part: Part, labels: Labels, given: Given | None) -> str:
    """Return the words above a part; empty for what the model wrote in a whole thought."""
    if part.kind == "own":
        return labels.thought_came if given is not None else ""
    return str(getattr(labels, f"thought_{part.kind}"))


def pencil_html(turn: Turn, options: ViewOptions, labels: Labels) -> str:
    """Return the button that shows the sentences, which only shows where a panel hears it."""
    if options.thoughts is None or turn.status == "streaming":
        return ""
    title = escape_attribute(labels.pencil_title)
    return (
        f'<button type="button" class="glm-pencil" data-at="{stamp(turn)}" title="{title}"'
        f' style="display:none">✎ {escape_html(labels.pencil)}</button>'
    )


def parts_html(turn: Turn, labels: Labels) -> str:
    """Return the reasoning in its parts; one that was changed beside what it was before."""
    given = rethought(turn)
    shown = [_html(part, label_of(part, labels, given)) for part in parts_of(turn)]
    if given is None:
        return "".join(shown)
    kept = shown[: 1 if given.kept else 0]
    now = "".join(shown[len(kept) :])
    before = "".join(_html(part, label_of(part, labels, given)) for part in before_of(given))
    return (
        f'{"".join(kept)}<div class="glm-two" style="{_COLUMNS}">'
        f'<div style="{_COLUMN}">{before}</div><div style="{_COLUMN}">{now}</div></div>'
    )


def _html(part: Part, label: str) -> str:
    head = f'<p class="glm-g"><i>{escape_html(label)}</i></p>' if label else ""
    return (
        f'<div class="glm-part" style="{_STYLES[part.kind]}">{head}'
        f"{markdown_html(part.text)}</div>\n"
    )


def labelled_parts(turn: Turn, labels: Labels) -> list[tuple[str, str]]:
    """Return label and text of each part, what stood there before included."""
    given = rethought(turn)
    parts = [*parts_of(turn), *(before_of(given) if given else ())]
    return [(label_of(part, labels, given), part.text) for part in parts]
