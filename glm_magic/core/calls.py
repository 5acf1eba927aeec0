"""What a model wrote of a call -> the arguments and the name that can be used and sent back.

Servers parse the arguments of earlier calls, and the chat template of GLM takes them as an object:
anything else is refused with HTTP 400 or 500, whatever the call was answered. So what goes back is
always an object. Where only one object can have been meant, it is that one, and the function is
called with it; anywhere else ``{}`` stands for the arguments, and the model is told what it wrote.

Notes
-----
Seen on the wire: no arguments at all as ``""`` or ``null``; an object in a JSON string, once or
twice; ``{}`` before the real object, or the object twice; a comma before a closing bracket; raw
line ends in strings; ``NaN``, which Python reads and servers do not. Names with what follows them
in GLM's own syntax, ``get_weather</arg_value>``, with a line end, in quotes, or behind
``functions.``. Reports at vLLM, SGLang, mlx-lm and Fireworks, seen 2026-11; refusals by llama.cpp's
server measured 2026-11.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, NoReturn

from .text import join_surrogates

MAX_QUOTED_CHARS = 200
"""How much of bad arguments the model is shown again."""
_MOST_LAYERS = 3
"""JSON strings in JSON strings that are opened; two were seen."""
# A string is matched first, to its end or to that of the text: what stands in one is no syntax.
# Nothing is given back in it: an entry for each character would be kept, megabytes of them.
_TRAILING_COMMA = re.compile(
    r'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|(?<=[^\s,\[{:]),(\s*[}\]])', re.DOTALL
)
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call, read."""

    value: Mapping[str, Any]
    """What the function is called with; empty where `problem` says why."""
    text: str
    """The object that goes back to servers; the model's own text where that is one."""
    problem: str = ""
    """What is wrong, in words for the model, quoting it; empty: nothing."""


def read_arguments(written: str) -> Arguments:
    """Return the object that a model's arguments are, or can only mean."""
    try:
        value = _strict(written)
        if isinstance(value, dict):
            return Arguments(value, written)
    except (ValueError, RecursionError):
        pass
    try:
        meant = _meant(written, _MOST_LAYERS)
        text = join_surrogates(json.dumps(meant, ensure_ascii=False))
        return Arguments(json.loads(text), text)
    except _NotAnObjectError as error:
        why = f"the arguments are not a JSON object{error}"
    except (ValueError, RecursionError) as error:
        why = f"the arguments are not JSON ({error})"
    return Arguments({}, "{}", f"{why}: {quoted(written)}")


def is_object(written: str) -> bool:
    """Whether a text is a JSON object as it stands, with nothing repaired."""
    try:
        return isinstance(_strict(written), dict)
    except (ValueError, RecursionError):
        return False


def quoted(text: str) -> str:
    """Return a text as the model is shown it again: its first `MAX_QUOTED_CHARS` characters."""
    return text if len(text) <= MAX_QUOTED_CHARS else text[:MAX_QUOTED_CHARS] + "…"


def arguments_text(value: Any) -> str:
    """Return the arguments of a message, which may be an object instead of JSON text, as text."""
    if isinstance(value, str):
        return value
    try:
        return "" if value is None else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def typed_value(written: str, parameters: Mapping[str, Any], key: str) -> Any:
    """Return an argument: text where the schema takes text, else JSON where it parses."""
    properties = parameters.get("properties")
    schema = properties.get(key) if isinstance(properties, Mapping) else None
    accepted = {kind for kind in _types(schema, parameters, 8) if isinstance(kind, str)}
    accepted |= {"integer"} if "number" in accepted else set()
    try:
        value = json.loads(written, parse_constant=lambda _: written)
    except (ValueError, RecursionError):
        return written
    if "string" in accepted and _type_of(value) not in accepted - {"string"}:
        return written
    return value


def _types(schema: Any, root: Mapping[str, Any], depth: int) -> Iterable[Any]:
    """Yield the JSON types that a schema takes; none where it does not say."""
    if not isinstance(schema, Mapping) or not depth:
        return
    kind = schema.get("type")
    yield from [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else ()
    values = schema.get("enum")
    values = values if isinstance(values, list) else []
    yield from map(_type_of, [*values, schema["const"]] if "const" in schema else values)
    for word in ("anyOf", "oneOf", "allOf"):
        parts = schema.get(word)
        for part in parts if isinstance(parts, list) else ():
            yield from _types(part, root, depth - 1)
    place, _, name = str(schema.get("$ref", "")).rpartition("/")
    definitions = root.get(place.removeprefix("#/"))
    if isinstance(definitions, Mapping):
        yield from _types(definitions.get(name), root, depth - 1)


def _type_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int):
        return "integer"
    names = {str: "string", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "")


class _NotAnObjectError(Exception):
    """JSON that is no object; the message says more, or nothing."""


def _meant(text: str, layers: int) -> dict[str, Any]:
    values = _values(text.removeprefix("\ufeff"))
    if len(values) == 1 and isinstance(values[0], str) and layers:
        try:
            return _meant(values[0], layers - 1)
        except ValueError:
            raise _NotAnObjectError from None
    if all(value is None for value in values):  # nothing was written
        return {}
    if not all(isinstance(value, dict) for value in values):
        raise _NotAnObjectError
    objects = [value for value in values if value]  # an empty one beside another adds nothing
    if any(value != objects[0] for value in objects):
        raise _NotAnObjectError(f", but {len(values)} of them")
    return objects[0] if objects else {}


def _values(text: str) -> list[Any]:
    """Return the JSON values that stand in a text one after the other."""
    values, at = [], _after_space(text, 0)
    if at < len(text) and text[at] in "{[":
        text = _TRAILING_COMMA.sub(_without_comma, text)
    decoder = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, strict=False)
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        values.append(value)
        at = _after_space(text, at)
    return values


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _without_comma(match: re.Match[str]) -> str:
    return match[1] if match[1] is not None else match[2]


def _strict(text: str) -> Any:
    """Read JSON as servers do: without Python's additions, and with whole characters only."""
    value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if "\\u" in text:
        shown = json.dumps(value, ensure_ascii=False)
        if join_surrogates(shown) != shown:
            raise ValueError("half a character")
    return value


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


# Names

_JUNK = re.compile(r"(?:\s|[\"'`]|<[^<>]*>)+")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_DOTTED_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_SEPARATOR = re.compile(r"[.:]")
_MOST_SEPARATORS = 8
_NAMESPACE = re.compile(r"(?:functions?|tools?|default_api)[.:]", re.IGNORECASE)
MAX_NAME_CHARS = 256
"""How much is looked at of what should be a name of 64 characters."""
UNNAMED = "unnamed"
"""What goes back as the name of a call that has none, which servers refuse."""


def function_name(written: str, offered: Collection[str] = ()) -> str:
    """Return the name in what a server gave as one; empty where it holds none.

    Parameters
    ----------
    written : str
        As it came, with whatever stands around it.
    offered : collection of str
        The functions of the request; one of them that stands there is taken.
    """
    if written in offered or not written:
        return written
    text = written.strip()[:MAX_NAME_CHARS]
    if text in offered:
        return text
    junk = _JUNK.match(text)
    text = text[junk.end() :] if junk else text
    run = _DOTTED_NAME.match(text)
    if run is None:
        return text if text in offered or not offered else text.split("<")[0].strip("\"'` \n")
    dotted = run[0]
    ends = [match.start() for match in _SEPARATOR.finditer(dotted)][:_MOST_SEPARATORS]
    spans = product([0, *(end + 1 for end in ends)], [*ends, len(dotted)])
    for part in sorted((dotted[start:end] for start, end in spans), key=len, reverse=True):
        if part in offered:
            return part
    bare = _NAMESPACE.sub("", dotted, count=1) if _NAMESPACE.match(dotted) else dotted
    if offered and not any("." in name or ":" in name for name in offered):
        match = _NAME.match(bare)
        return match[0] if match else ""
    return bare.rstrip(".:")


def sendable_name(name: str, offered: Collection[str] = ()) -> str:
    """Return a name as it goes back in a message: one that every server takes."""
    name = function_name(name, offered)
    if name in offered or (not offered and name.isidentifier()):
        return name
    return "_".join(_DOTTED_NAME.findall(name)) or UNNAMED


def offered_functions(tools: Any) -> dict[str, Mapping[str, Any]]:
    """Return the schemas of the parameters of the functions in a request's tools, by name."""
    functions: dict[str, Mapping[str, Any]] = {}
    for tool in tools if isinstance(tools, (list, tuple)) else ():
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            functions[function["name"]] = parameters if isinstance(parameters, Mapping) else {}
    return functions
