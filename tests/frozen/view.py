"""What can be seen of the package from outside: its names, its help, its files.

Nothing here imports a module from inside of the package, so that the inside may change. The JSON
files in ``data`` were written by version 0.1.0.dev0 through these functions.
"""

from __future__ import annotations

import inspect
import re
import sqlite3
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import glm_magic as glm

DATA = Path(__file__).parent / "data"
OWN = "glm_magic"


def api() -> dict[str, Any]:
    """Return the public names with their signatures, members and fields."""
    seen = {name: _member(getattr(glm, name)) for name in glm.__all__ if name != "__version__"}
    return {"names": list(glm.__all__), "members": seen, "errors": errors()}


def errors() -> dict[str, list[str]]:
    """Return each error class with its bases, nearest first."""
    found, todo = {}, [glm.GlmError]
    while todo:
        cls = todo.pop()
        found[cls.__name__] = [base.__name__ for base in cls.__mro__[1:]]
        todo += cls.__subclasses__()
    return dict(sorted(found.items()))


def _member(value: Any) -> Any:
    if not inspect.isclass(value):
        return _signature(value)
    inherited = {*dir(object), *dir(Exception)}
    names = [n for n in dir(value) if not n.startswith("_") and n not in inherited]
    members = {name: _kind(value, name) for name in names}
    if is_dataclass(value):
        members["(fields)"] = [
            [f.name, f.default is MISSING and f.default_factory is MISSING] for f in fields(value)
        ]
    else:
        members["(init)"] = _signature(value)
    return members


def _kind(cls: type, name: str) -> Any:
    member = inspect.getattr_static(cls, name)
    if isinstance(member, property):
        return "property"
    if isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    return _signature(member) if callable(member) else "attribute"


def _signature(function: Callable[..., Any]) -> list[list[str]]:
    """Return name, kind and default of each parameter; annotations may name what is inside."""
    return [
        [p.name, p.kind.name, "" if p.default is p.empty else repr(p.default)]
        for p in inspect.signature(function).parameters.values()
    ]


def sessions(names: list[str]) -> dict[str, Any]:
    """Return the sessions of the store that is in use, by name."""
    return {name: [_slot(slot) for slot in glm.Session(name).slots] for name in names}


def _slot(slot: Any) -> dict[str, Any]:
    return {
        "hidden": slot.hidden,
        "pinned": slot.pinned,
        "chosen": slot.place,
        "variants": [turn(variant.turn) for variant in slot.variants],
    }


def turn(turn: Any) -> dict[str, Any]:
    """Return everything of a turn that a user may read, apart from times and ids."""
    return {
        "prompt": turn.prompt,
        "answer": turn.answer,
        "reasoning": turn.reasoning,
        "status": turn.status,
        "model": turn.model,
        "provider": turn.provider,
        "error": turn.error,
        "finish_reason": turn.finish_reason,
        "usage": _usage(turn.usage),
        "estimate": _usage(turn.estimate),
        "cost": str(turn.cost),
        "notices": [[notice.code, notice.message] for notice in turn.notices],
        "steps": [
            {
                "reasoning": step.reasoning,
                "content": step.content,
                "calls": [[call.id, call.name, call.arguments] for call in step.tool_calls],
                "runs": [[run.call_id, run.status, run.content] for run in step.runs],
                "usage": _usage(step.usage),
                "cost": str(step.cost),
                "status": step.status,
                "cause": step.cause,
            }
            for step in turn.steps
        ],
    }


def _usage(usage: Any) -> Any:
    return usage and [usage.input, usage.output, usage.cached, usage.reasoning]


def schema(path: Path) -> dict[str, Any]:
    """Return the tables and indexes of a store."""
    connection = sqlite3.connect(path)
    try:
        objects = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return {"user_version": version, "objects": [list(row) for row in objects]}
    finally:
        connection.close()


def page(data: dict[str, Any]) -> dict[str, Any]:
    """Return a saved output without its times and ids, and without words that may change."""
    texts = {}
    for kind, text in data.items():
        plain = text if isinstance(text, str) else str(text)
        plain = re.sub(r"<style.*?</style>|<script.*?</script>", "", plain, flags=re.DOTALL)
        plain = re.sub(r"\d+(\.\d+)? ?(s|ms|min)\b", "N s", plain)
        texts[kind] = re.sub(r'(id|data-[a-z-]+)="[^"]*"', r'\1=""', plain)
    return texts


PROMPTS = (
    "%%glm -m glm-4.6 --no-history\nwhy?",
    "%%glm -m glm-4.6 --no-history --tool weather\nHow is Kyoto?",
    "%%glm -m glm-4.6 --no-history -t 0.2\n为什么？",
)
"""The cells that ``lesson.glmtape`` answers."""
WEATHER = (
    "def weather(city: str) -> str:\n    'The weather in a city.'\n    return f'sunny in {city}'"
)


def replayed(run: Callable[[str], Any], names: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the tape's cells give: the turn, the saved output, and its metadata."""
    run(WEATHER)
    run(f"%glm replay {DATA / 'lesson.glmtape'} max")
    seen = []
    for prompt in PROMPTS:
        run(prompt)
        reply = names["_glm"]
        data, metadata = reply._repr_mimebundle_()
        seen.append({"turn": turn(reply.turn), "page": page(data), "metadata": metadata})
    run("%glm replay off")
    return seen


TABLES = ("usage all", "usage day", "alias")


def figures(text: str) -> list[str]:
    """Return the amounts of a table, whatever its words."""
    return sorted(re.findall(r"[≈¥$]*\d[\d.,]*|n/a", text))


def left_column(help_text: str) -> list[str]:
    """Return the options and verbs that the help lists, with what they take."""
    rows = (re.split(r" {2,}", line.strip()) for line in help_text.splitlines())
    return [row[0] for row in rows if len(row) > 1]
