"""The schema that an answer must match: how it is sent, and how an answer is read by it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from .function import problems, untitled
from .type_hints import usable

_FENCE = re.compile(r"\A\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_KEYWORDS = ("type", "properties", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "items")
_DEFINITIONS = ("$defs", "definitions")
"""Where schemas keep their parts; the second is the older spelling."""
MAX_STARTS = 200
"""Brackets in an answer at which JSON is looked for: the first and the last of them."""
_HINT = tr(
    "give a pydantic model, a dataclass, a TypedDict, a type such as list[Model], or a schema"
)


class OutputMismatchError(Exception):
    """An answer does not match; the message is for the model."""


class OutputSchema:
    """The schema that an answer must match.

    Parameters
    ----------
    given : type or mapping
        A pydantic model, dataclass, TypedDict or any other type hint, or a JSON schema.

    Raises
    ------
    InvalidValueError
        It is neither, or has no JSON schema.
    """

    def __init__(self, given: Any) -> None:
        if isinstance(given, Mapping):
            self.name, self.schema, self._check = _of_schema(given)
        else:
            self.name, self.schema, self._check = _of_type(given)
        self.key = _key(self.schema)
        """Key under which a value is sent that is not an object itself; empty: it is one."""

    @property
    def wire_schema(self) -> dict[str, Any]:
        """The schema as it is sent: that of an object, which every JSON mode asks for."""
        if not self.key:
            return {**_referred(self.schema), **_definitions(self.schema)}
        bare = {name: part for name, part in self.schema.items() if name not in _DEFINITIONS}
        inner = _moved(bare, f"#/properties/{self.key}")
        made: dict[str, Any] = {"type": "object", "properties": {self.key: inner}}
        made.update(required=[self.key], additionalProperties=False)
        return {**made, **_definitions(self.schema)}

    @property
    def prompt(self) -> str:
        """What the model is told, whether or not the provider enforces the schema."""
        schema = json.dumps(self.wire_schema, ensure_ascii=False)
        return (
            "Answer with one JSON object and nothing else: no explanation, no code fence. "
            f"It has to fit this JSON schema:\n{schema}"
        )

    def read(self, answer: str, *, last: bool = False) -> Any:
        """Return the value that an answer holds.

        Parameters
        ----------
        answer : str
            JSON, or a text with JSON in it, in a code fence or not. Of several values that match,
            the one with the longest text is taken.
        last : bool
            Take the last one instead, as of a text that comes to its result step by step.

        Raises
        ------
        OutputMismatchError
            It holds no JSON, or JSON that does not match.
        """
        candidates = _candidates(answer)
        best: tuple[tuple[bool, int, int], Any] | None = None
        problem: OutputMismatchError | None = None
        for candidate in sorted(candidates, key=lambda one: (one.length, one.at)):
            try:
                value = self._matching(candidate.value)
            except OutputMismatchError as error:
                problem = error  # in the end, that of the longest
                continue
            length = 0 if last else candidate.length
            rank = (bool(candidate.value), length, candidate.at)
            if best is None or rank > best[0]:
                best = rank, value
        if best is None:
            raise problem or OutputMismatchError("it holds no JSON")
        return best[1]

    def is_met_by(self, answer: str) -> bool:
        """Whether an answer is nothing but JSON that matches."""
        try:
            self._matching(json.loads(answer))
        except (ValueError, RecursionError, OutputMismatchError):
            return False
        return True

    def _matching(self, value: Any) -> Any:
        if self.key and isinstance(value, dict) and set(value) == {self.key}:
            value = value[self.key]
        return self._check(value)


def _of_type(given: Any) -> tuple[str, dict[str, Any], Callable[[Any], Any]]:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError
    from pydantic_core import SchemaError

    if given is None or isinstance(given, (str, int, float)) or inspect.isroutine(given):
        raise InvalidValueError(tr("{value!r} is not a schema", value=given), hint=_HINT)
    name = str(getattr(given, "__name__", given))
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(usable(given))
        schema = adapter.json_schema(schema_generator=untitled())
    except (PydanticUserError, SchemaError, NameError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0][:120]
        raise InvalidValueError(
            tr("{name} has no JSON schema: {reason}", name=name[:60], reason=reason), hint=_HINT
        ) from None

    def check(value: Any) -> Any:
        try:
            # JSON mode takes a date as a string, which Python mode does not always do
            return adapter.validate_json(json.dumps(value))
        except ValidationError as error:
            raise OutputMismatchError(problems(error)) from None

    return name, {k: v for k, v in schema.items() if k != "title"}, check


def _of_schema(given: Mapping[str, Any]) -> tuple[str, dict[str, Any], Callable[[Any], Any]]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    inner = given.get("schema")  # {"name": …, "schema": …}, as it stands in a request
    schema = dict(inner) if isinstance(inner, Mapping) else dict(given)
    if not any(word in schema for word in _KEYWORDS):
        raise InvalidValueError(
            tr("not a JSON schema: {text}", text=str(dict(given))[:80]),
            hint=tr('a schema has a "type" or "properties"; {hint}', hint=_HINT),
        )
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InvalidValueError(
            tr("not a JSON schema: {text}", text=error.message[:120]), hint=_HINT
        ) from None
    for place in _references(schema):
        if not _points_into(schema, place):
            raise InvalidValueError(
                tr("not a JSON schema: there is nothing at {place!r} in it", place=place),
                hint=tr("a reference must point into the same schema, such as #/$defs/City"),
            )
    validator = Draft202012Validator(schema)

    def check(value: Any) -> Any:
        texts = [
            f"{error.json_path.removeprefix('$').removeprefix('.') or 'value'}: {error.message}"
            for error in validator.iter_errors(value)
        ]
        if texts:
            raise OutputMismatchError("; ".join(text[:300] for text in texts[:10]))
        return value

    title = given.get("name") or schema.get("title") or "answer"
    return str(title), schema, check


def _key(schema: Mapping[str, Any]) -> str:
    """Return the key under which to send a value that is not an object; empty for an object."""
    referred = _referred(schema)
    if referred.get("type") == "object" or "properties" in referred:
        return ""
    return "items" if referred.get("type") == "array" else "value"


def _referred(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition that a schema points to, as a recursive one does."""
    for place in _DEFINITIONS:
        name = str(schema.get("$ref", "")).removeprefix(f"#/{place}/")
        if name in schema.get(place, {}):
            return dict(schema[place][name])
    return dict(schema)


def _definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {place: schema[place] for place in _DEFINITIONS if place in schema}


def _references(part: Any) -> Iterator[str]:
    """Yield every reference of a schema."""
    if isinstance(part, Mapping):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def _points_into(schema: Any, reference: str) -> bool:
    """Whether a reference points to a place in the schema."""
    if not reference.startswith("#"):
        return False
    for step in reference[1:].split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, Mapping) and name in schema:
            schema = schema[name]
        else:
            return False
    return True


def _moved(part: Any, place: str) -> Any:
    """Return a schema moved to another place; its references to the root follow."""
    if isinstance(part, Mapping):
        return {k: place if (k, v) == ("$ref", "#") else _moved(v, place) for k, v in part.items()}
    return [_moved(inner, place) for inner in part] if isinstance(part, list) else part


class _Candidate(NamedTuple):
    """A JSON value in an answer."""

    value: Any
    at: int
    length: int
    """Of its text."""


def _candidates(answer: str) -> list[_Candidate]:
    """Return the JSON of an answer: all of it, what its code fence holds, or what stands in it.

    Raises
    ------
    OutputMismatchError
        There is none.
    """
    fenced = _FENCE.match(answer)
    text = (fenced[1] if fenced else answer).strip()
    try:
        whole = _Candidate(json.loads(text), 0, len(text))
    except (ValueError, RecursionError) as error:
        candidates = _inside(text)
        if not candidates:
            raise OutputMismatchError(tr("it is not JSON ({reason})", reason=error)) from None
        return candidates
    # JSON in a JSON string is tried too
    return [whole, *(_inside(whole.value) if isinstance(whole.value, str) else ())]


def _inside(text: str) -> list[_Candidate]:
    """Return the JSON objects and lists inside a text, none of them inside another."""
    decoder = json.JSONDecoder()
    starts = [match.start() for match in re.finditer(r"[{\[]", text)]
    if len(starts) > MAX_STARTS:
        starts = starts[: MAX_STARTS // 2] + starts[-MAX_STARTS // 2 :]
    candidates: list[_Candidate] = []
    end = 0
    for start in starts:
        if start < end:
            continue
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        candidates.append(_Candidate(value, start, end - start))
    return candidates
