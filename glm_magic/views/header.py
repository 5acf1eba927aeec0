"""What the header of a turn says: the same in a page, a panel and a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..core.attachments import Attachment
from ..core.i18n import translate
from ..core.turn import KEY_PLACE, Notice, Turn
from ..core.usage import Usage
from .labels import Labels
from .options import ViewOptions
from .variants import index_of

Phase = Literal[
    "waiting",
    "thinking",
    "calling",
    "answering",
    "unfinished",
    "complete",
    "incomplete",
    "interrupted",
    "failed",
]
UNFINISHED = "unfinished"
"""Code of the notice in what is saved of a reply while it streams."""
EXPECTED_ENDINGS = {None, "", "stop", "tool_calls", "function_call", "eos", "end_turn"}
"""Finish reasons that a reader need not know."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One item of the header."""

    kind: str
    """model, provider, key, state, time, tokens, speed, cost, run or note; also a CSS class."""
    text: str
    title: str = ""
    """A longer form, shown on hover."""


def phase(turn: Turn) -> Phase:
    """Return what a turn is doing, or how it ended."""
    if turn.status != "streaming":
        return turn.status
    if any(notice.code == UNFINISHED for notice in turn.notices):
        return "unfinished"
    if turn.tool_calls:
        return "calling"
    if turn.answer.strip():
        return "answering"
    return "thinking" if turn.reasoning.strip() else "waiting"


def facts(turn: Turn, options: ViewOptions, labels: Labels) -> list[Fact]:
    """Return the header of a turn, in reading order."""
    items: list[Fact | None] = [
        _model(turn, labels),
        Fact("provider", turn.provider),
        _key(turn, labels),
        _state(turn, labels),
        _time(turn, labels),
        *_counts(turn, labels),
        _run(turn, options, labels),
        Fact("note", options.remark),
    ]
    return [item for item in items if item and item.text]


def _key(turn: Turn, labels: Labels) -> Fact | None:
    """Return where the key was, for one that is in no variable of the environment."""
    places = [notice.message for notice in turn.notices if notice.code == KEY_PLACE]
    return Fact("key", translate(places[0], labels.language)) if places else None


def _run(turn: Turn, options: ViewOptions, labels: Labels) -> Fact | None:
    """Return ``run 2/3``, unless it is the only run of its cell."""
    if options.variants is None or len(options.variants.turns) < 2:
        return None
    number, count = index_of(turn, options.variants) + 1, len(options.variants.turns)
    return Fact("run", labels.run.format(number=number, count=count), labels.run_title)


def remarks(turn: Turn, options: ViewOptions, labels: Labels) -> list[str]:
    """Return the lines below the header: what was inserted, notices, an unusual ending."""
    notices = [notice for notice in turn.notices if notice.code != KEY_PLACE]
    lines = [translate(notice.message, labels.language) for notice in notices]
    if options.inserted:
        names = ", ".join(translate(name, labels.language) for name in options.inserted)
        lines.insert(0, labels.inserted.format(names=names))
    reason = turn.finish_reason
    explained = {notice.code for notice in turn.notices}
    is_explained = reason in EXPECTED_ENDINGS | explained or turn.error is not None
    if not is_explained and turn.status != "streaming":
        lines.append(labels.ended.format(reason=reason))
    return lines


def describe(attachment: Attachment, labels: Labels) -> str:
    """Return what a reader is told of a picture or file, after its name."""
    pages = labels.shown_pages.format(count=attachment.pages) if attachment.pages else ""
    count = attachment.tokens
    tokens = labels.shown_tokens.format(count=f"{count:,}") if count else ""
    remark = translate(attachment.remark, labels.language)
    return " · ".join(filter(None, (attachment.sides, pages, tokens, remark)))


def shown_line(attachments: Sequence[Attachment], labels: Labels) -> str:
    """Return the names of what the model was shown, where no picture of it can be."""
    names = []
    for one in attachments:
        name, about = translate(one.name, labels.language), describe(one, labels)
        names.append(f"{name} ({about})" if about else name)
    return labels.shown.format(names=", ".join(names)) if names else ""


def unfinished(turn: Turn, labels: Labels) -> Turn:
    """Return a running turn as it is saved meanwhile: it says that more is to come."""
    return replace(turn, notices=(*turn.notices, Notice(UNFINISHED, labels.unfinished_hint)))


def failure(turn: Turn, labels: Labels) -> str:
    """Return the error that ended a turn, in lines; empty when there is none."""
    return translate(turn.error or "", labels.language)


def missing_answer(turn: Turn, labels: Labels) -> str:
    """Return why there is no answer; empty when there is one, or one may still come."""
    if turn.answer.strip() or turn.status == "streaming":
        return ""
    if turn.status in ("failed", "interrupted"):
        return labels.no_answer_yet if turn.reasoning.strip() else labels.nothing_yet
    if turn.tool_calls:
        return labels.only_tool_calls.format(names=", ".join(call.name for call in turn.tool_calls))
    return labels.only_reasoning if turn.reasoning.strip() else labels.empty


def is_error_only(turn: Turn, options: ViewOptions) -> bool:
    """Whether nothing arrived, and the error that the cell raises says everything."""
    bare = not (turn.answer.strip() or turn.reasoning.strip() or turn.tool_calls)
    return turn.status == "failed" and turn.error is not None and bare and not options.background


def seconds(value_s: float) -> str:
    """Return a duration such as ``4.2 s`` or ``3 min 07 s``; nothing takes 0.0 s."""
    if value_s < 0.05:
        return "<0.1 s"
    if value_s < 59.95:
        return f"{value_s:.1f} s"
    return f"{int(value_s // 60)} min {int(value_s % 60):02d} s"


def _state(turn: Turn, labels: Labels) -> Fact:
    now = phase(turn)
    label = str(getattr(labels, now))
    elapsed_s = turn.timing.thinking_s if now == "thinking" else turn.timing.total_s
    left_s = (turn.timing.resumes_s or 0.0) - (turn.timing.total_s or 0.0)
    if now == "waiting" and left_s > 0:
        return Fact("state", labels.retrying.format(time=seconds(left_s)))
    if now in ("thinking", "waiting") and elapsed_s is not None:
        label = f"{label} {seconds(elapsed_s)}"
    return Fact("state", label)


def _model(turn: Turn, labels: Labels) -> Fact:
    ran = turn.steps[-1].resolved_model if turn.steps else None
    return Fact("model", turn.model, labels.ran.format(model=ran) if ran else "")


def _time(turn: Turn, labels: Labels) -> Fact | None:
    timing = turn.timing
    details = [
        form.format(time=seconds(value_s))
        for form, value_s in (
            (labels.first_byte, timing.first_byte_s),
            (labels.whole_reply, timing.total_s if turn.status != "streaming" else None),
        )
        if value_s is not None
    ]
    if turn.reasoning.strip():
        is_anew = any(step.given is not None for step in turn.steps[:1])
        form = labels.thought_anew if is_anew else labels.thought
        details = [labels.thought_anew_title] * is_anew + details
        shown_s = None if phase(turn) == "thinking" else timing.thinking_s
    else:
        form = labels.took_unthinking if _has_not_thought(turn) else labels.took
        shown_s = None if turn.status == "streaming" else timing.total_s
    if shown_s is None:
        return None
    return Fact("time", form.format(time=seconds(shown_s)), " · ".join(details))


def _has_not_thought(turn: Turn) -> bool:
    """Whether a whole answer came without thinking, shown or not."""
    unseen = turn.usage.reasoning if turn.usage else None
    return turn.status == "complete" and bool(turn.answer.strip()) and not unseen


def _counts(turn: Turn, labels: Labels) -> list[Fact | None]:
    """Return tokens, speed and cost; while the reply streams, only what is known already."""
    ended = turn.status != "streaming"
    nothing_sent = turn.status == "failed" and turn.usage is None and turn.estimate is None
    if nothing_sent or not (ended or turn.usage):
        return []
    return [
        Fact("tokens", _tokens(turn, labels)),
        _speed(turn, labels),
        _cost(turn, labels) if ended else None,
    ]


def _cost(turn: Turn, labels: Labels) -> Fact | None:
    """Return what it cost; nothing where nobody bills it."""
    if turn.cost is not None:
        return Fact("cost", str(turn.cost))
    return None if turn.is_free else Fact("cost", labels.cost_unknown)


def _tokens(turn: Turn, labels: Labels) -> str:
    """Return what is known of ``42 in · ≈284 out (≈81 reasoning)``; ``≈`` marks an estimate."""
    estimate = turn.estimate or Usage()
    usage = (turn.usage or Usage()) + estimate
    if usage.input is None and usage.output is None:
        return labels.tokens_unknown

    def count(form: str, name: str) -> str:
        mark = "" if getattr(estimate, name) is None else "≈"
        return form.format(count=f"{mark}{getattr(usage, name):,}")

    sides = []
    if usage.input is not None:
        cached = [count(labels.tokens_cached, "cached")] if usage.cached else []
        sides.append(" ".join([count(labels.tokens_in, "input"), *cached]))
    if usage.output is not None:
        reasoning = [count(labels.tokens_reasoning, "reasoning")] if usage.reasoning else []
        sides.append(" ".join([count(labels.tokens_out, "output"), *reasoning]))
    return " · ".join(sides)


def _speed(turn: Turn, labels: Labels) -> Fact | None:
    """Return the last reply's rate, from its first byte to its end."""
    step = turn.steps[-1] if turn.steps else None
    output = step.usage.output if step and step.usage else None
    if step is None or not output or step.timing.total_s is None:
        return None
    streamed_s = step.timing.total_s - (step.timing.first_byte_s or 0.0)
    if streamed_s < 0.05 or turn.status == "streaming":
        return None
    return Fact("speed", labels.speed.format(count=f"{output / streamed_s:,.0f}"))
