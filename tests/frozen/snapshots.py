"""Turns, sessions and pages as JSON values, read by public names alone."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
DATA = FOLDER / "data"

TIMING = (
    *("started_at", "first_byte_s", "first_reasoning_s", "first_answer_s"),
    *("thinking_s", "total_s", "resumes_s"),
)


def read(name: str, folder: Path = FOLDER) -> Any:
    """Return a frozen JSON file."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write(name: str, value: Any, folder: Path = FOLDER) -> None:
    """Write a frozen JSON file."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    (folder / name).write_text(text + "\n", encoding="utf-8")


def usage_of(usage: Any) -> Any:
    if usage is None:
        return None
    return {name: getattr(usage, name) for name in ("input", "output", "cached", "reasoning")}


def cost_of(cost: Any) -> Any:
    if cost is None:
        return None
    return {"amount": str(cost.amount), "currency": cost.currency, "estimated": cost.estimated}


def timing_of(timing: Any) -> Any:
    return {name: getattr(timing, name) for name in TIMING}


def calls_of(calls: Any) -> Any:
    return [[call.id, call.name, call.arguments] for call in calls]


def links_of(links: Any) -> Any:
    return [[link.url, link.title, link.site, link.date, link.text] for link in links]


def step_of(step: Any) -> dict[str, Any]:
    return {
        "reasoning": step.reasoning,
        "content": step.content,
        "tool_calls": calls_of(step.tool_calls),
        "usage": usage_of(step.usage),
        "estimate": usage_of(step.estimate),
        "cost": cost_of(step.cost),
        "finish_reason": step.finish_reason,
        "response_id": step.response_id,
        "resolved_model": step.resolved_model,
        "timing": timing_of(step.timing),
        "status": step.status,
        "cause": step.cause,
        "began_s": step.began_s,
        "runs": [
            [run.call_id, run.status, run.content, run.began_s, run.elapsed_s] for run in step.runs
        ],
        "links": links_of(step.links),
    }


def turn_of(turn: Any) -> dict[str, Any]:
    """Return everything that a turn tells."""
    return {
        "prompt": turn.prompt,
        "provider": turn.provider,
        "model": turn.model,
        "status": turn.status,
        "answer": turn.answer,
        "reasoning": turn.reasoning,
        "finish_reason": turn.finish_reason,
        "error": turn.error,
        "notices": [[notice.code, notice.message] for notice in turn.notices],
        "tool_calls": calls_of(turn.tool_calls),
        "usage": usage_of(turn.usage),
        "estimate": usage_of(turn.estimate),
        "cost": cost_of(turn.cost),
        "timing": timing_of(turn.timing),
        "elapsed_s": turn.elapsed_s,
        "links": links_of(turn.links),
        "steps": [step_of(step) for step in turn.steps],
    }


def session_of(session: Any) -> dict[str, Any]:
    """Return what a session tells of its turns, its marks and its sums."""
    return {
        "name": session.name,
        "turns": [turn_of(turn) for turn in session.turns],
        "slots": [
            {
                "hidden": slot.hidden,
                "pinned": slot.pinned,
                "variants": [turn.answer for turn in slot.turns],
                "shown": slot.turn.answer,
            }
            for slot in session.slots
        ],
        "context": [[m.role, m.content, calls_of(m.tool_calls)] for m in session.context()],
        "usage": usage_of(session.usage),
        "cost": str(session.cost),
        "repr": repr(session),
    }


_STYLE = re.compile(r"(<(style|script)\b[^>]*>).*?(</\2>)", re.DOTALL)
_IDS = re.compile(r"\bglm-[0-9a-f]{6,}\b|\b[0-9a-f]{16,}\b")
_SENTENCES = re.compile(r"\b(title|aria-label|data-words)=\"[^\"]*\"")
_BEATS = re.compile(r"data-beats=\"[^\"]*\"")
_TIMES = re.compile(r"(?:&lt;|\\?<|\b)[\d,.]+( s| ?%| tok/s| tokens/s)(?!\w)")

_PLAIN_REASONING = re.compile(
    r"^\[(?:Reasoning|思考过程)\]\n.*?\n\n(?=\[)|^\[(?:Answer|回答)\]\n", re.DOTALL | re.MULTILINE
)


def normal(text: str) -> str:
    """Return a page without style sheet, scripts, generated ids, and sentences in attributes.

    Nor with the reasoning of its plain text, which 0.1.0.dev0 did not write.
    """
    text = _IDS.sub("ID", _SENTENCES.sub(r"\1", _STYLE.sub(r"\1\3", text)))
    return _PLAIN_REASONING.sub("", text)


def timeless(text: str) -> str:
    """Return a page without times: a function that is called takes as long as it takes."""
    return _TIMES.sub(r"N\1", _BEATS.sub("data-beats", text))


def page_of(reply: Any) -> dict[str, Any]:
    """Return what a notebook is given of a reply; notices by their codes."""
    data, metadata = reply._repr_mimebundle_()
    texts = {kind: normal(data[kind]) for kind in sorted(data)}
    for notice in reply.turn.notices:
        escaped = html.escape(notice.message, quote=False)
        for kind, text in texts.items():
            sentence = escaped if "html" in kind else notice.message
            texts[kind] = text.replace(sentence, f"({notice.code})")
    if len(reply.steps) > 1:
        texts = {kind: timeless(text) for kind, text in texts.items()}
    return {"data": texts, "metadata": {"glm_magic": about(metadata["glm_magic"])}}


def about(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts beside a page without what differs from run to run."""
    if "lanes" in facts:
        return {**facts, "lanes": [about(lane) for lane in facts["lanes"]]}
    timing = dict(facts["timing"])
    timing["started_at"] = timing["started_at"] is not None
    if facts["steps"] > 1:
        timing = {name: value is not None for name, value in timing.items()}
    return {**facts, "timing": timing}


def replayed_of(reply: Any) -> dict[str, Any]:
    """Return everything of a replayed reply that is the same whenever it is replayed."""
    turn = turn_of(reply.turn)
    turn["notices"] = [code for code, _ in turn["notices"]]
    del turn["elapsed_s"]
    several = len(turn["steps"]) > 1
    for step in turn["steps"]:
        step["timing"]["started_at"] = step["timing"]["started_at"] is not None
        del step["began_s"]
        step["runs"] = [run[:3] for run in step["runs"]]
    turn["timing"]["started_at"] = turn["timing"]["started_at"] is not None
    if several:
        turn["timing"] = {name: value is not None for name, value in turn["timing"].items()}
    value = reply.value and [reply.value.name, reply.value.people]
    return {
        "turn": turn,
        "value": value,
        "request": json.loads(json.dumps(reply.request)),
        "events": [type(timed.event).__name__ for timed in reply.events],
        "page": page_of(reply),
    }
