"""Python values in a prompt: ``{name}``, ``{name.attribute}``, ``{name[index]}``.

An expression is replaced when it is a name with attributes and indexes whose root exists; every
other brace stays as it is, because prompts are full of code, JSON and formulas. One whose root
exists and which fails stays too, and is listed with the reason. Nothing is called, and a value is
not expanded again: what a model wrote must not read the notebook's variables.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any

from ..catalogue.lookup import nearest
from ..core.attachments import Attachment
from ..core.errors import GlmError
from ..core.format_value import format_value
from ..core.i18n import Text, joined, tr
from ..core.messages import Message
from ..core.text import shorten
from .literals import brace_pairs, untouched_spans

_ROOT = re.compile(r"\s*([^\W\d]\w*)\s*(?=[.\[]|$)")
_LONGEST_EXPRESSION = 500
_LONGEST_REASON = 120
_MOST_KEYS = 1000
"""Of a container, in which the key that was meant is looked for."""


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A prompt with its values put in."""

    text: str
    inserted: tuple[str, ...] = ()
    """The expressions that were replaced, with a remark where a value was shortened; and those that
    failed, with the reason."""
    failed: tuple[str, ...] = ()
    """Those that failed alone."""
    roots: frozenset[str] = frozenset()
    """The names with which the expressions begin."""
    unknown: tuple[str, ...] = ()
    """Names in braces that mean nothing, which stay as they are written."""
    attachments: tuple[Attachment, ...] = ()
    """The pictures among the values, each with its place in `text`."""

    @property
    def message(self) -> Message:
        """The prompt as a message."""
        return Message("user", self.text, attachments=self.attachments)

    def below(self, text: str) -> Interpolated:
        """Return the prompt below another text."""
        moved = tuple(attachment.moved(len(text)) for attachment in self.attachments)
        return replace(self, text=text + self.text, attachments=moved)


class _NoExpressionError(Exception):
    """The braces hold something else."""


class _CalledError(Exception):
    """The braces hold a call."""


class RefusedValueError(Exception):
    """Raised by a check of values; its text is the reason."""


class _NoKeyError(KeyError):
    """A container does not have a key."""

    def __init__(self, error: KeyError, container: Any) -> None:
        super().__init__(*error.args)
        self.container = container


def interpolate(
    text: str,
    namespace: Mapping[str, Any],
    check: Callable[[Any], None] = lambda _: None,
    picture: Callable[[Any, str], Attachment | None] = lambda _value, _name: None,
) -> Interpolated:
    """Put values into a prompt.

    Parameters
    ----------
    text : str
        The prompt as written.
    namespace : mapping
        The names that may be used.
    check : callable, optional
        Raises `RefusedValueError` for a value that is not to be put in.
    picture : callable, optional
        Returns a value and its name as a picture; ``None`` for one that goes in as text.

    Returns
    -------
    Interpolated
        The text and what was put in. A matching ``{{`` and ``}}`` become single braces. No
        brace is ever an error.
    """
    if "{" not in text:
        return Interpolated(text)
    braces = _Braces(text, namespace, check, picture)
    pieces: list[str] = []
    attachments: list[Attachment] = []
    at = length = 0
    for start, end, piece in braces.replacements():
        length += start - at
        pieces.append(text[at:start])
        if isinstance(piece, Attachment):
            attachments.append(piece.moved(length))
        else:
            pieces.append(piece)
            length += len(piece)
        at = end
    return Interpolated(
        "".join([*pieces, text[at:]]),
        tuple(dict.fromkeys(braces.inserted)),
        tuple(dict.fromkeys(braces.failed)),
        frozenset(braces.roots),
        tuple(dict.fromkeys(braces.unknown)),
        tuple(attachments),
    )


class _Braces:
    """The braces of one prompt, read from left to right."""

    def __init__(
        self,
        text: str,
        namespace: Mapping[str, Any],
        check: Callable[[Any], None],
        picture: Callable[[Any, str], Attachment | None],
    ) -> None:
        self.text = text
        self.namespace = namespace
        self.check = check
        self.picture = picture
        self.pairs = _pairs(text)
        self.inserted: list[str] = []
        self.failed: list[str] = []
        self.roots: list[str] = []
        self.unknown: list[str] = []

    def replacements(self) -> Iterator[tuple[int, int, str | Attachment]]:
        """Yield start, end and what is new of each part that changes, in order."""
        closing: set[int] = set()
        at = 0
        for brace in sorted({*self.pairs, *self.pairs.values()}):
            if brace < at:
                continue
            if brace in closing:
                at = brace + 2
                yield brace, at, "}"
            elif self._is_doubled(brace):
                closing.add(self.pairs[brace + 1])
                at = brace + 2
                yield brace, at, "{"
            elif brace in self.pairs and (value := self._value(brace)) is not None:
                at = self.pairs[brace] + 1
                yield brace, at, value

    def _is_doubled(self, brace: int) -> bool:
        """Whether ``{{`` begins here and its ``}}`` closes both."""
        inner = self.pairs.get(brace + 1)
        return inner is not None and self.pairs.get(brace) == inner + 1

    def _value(self, brace: int) -> str | Attachment | None:
        expression = self.text[brace + 1 : self.pairs[brace]]
        root = _ROOT.match(expression)
        if root is None:
            return None
        if root[1] not in self.namespace:
            self.unknown.append(root[1])
            return None
        name = expression.strip(" \t")
        try:
            tree = _parsed(name)
            self.roots.append(root[1])
            value = _evaluate(tree, self.namespace)
            self.check(value)
            picture = self.picture(value, name)
            text, remark = format_value(value) if picture is None else ("", "")
        except (_NoExpressionError, SyntaxError):
            return None
        except Exception as error:  # a property or `__str__` may raise anything
            self.failed.append(_failed(name, error))
            self.inserted.append(self.failed[-1])
            return None
        if picture is not None and picture.kind == "text":
            self.inserted.append(f"{name} ({picture.name})")
            return picture.data.decode()
        if picture is not None:
            return picture
        self.inserted.append(f"{name} ({remark})" if remark else name)
        return text


@lru_cache(maxsize=8)
def _pairs(text: str) -> Mapping[int, int]:
    """Return the braces that may hold an expression; a template is read once for all its rows."""
    return brace_pairs(text, 0, len(text), untouched_spans(text))


def _failed(name: str, error: Exception) -> Text:
    """Return the remark on an expression that failed, with the name that may have been meant."""
    if isinstance(error, _CalledError):
        return tr("{name} (not put in: nothing is called)", name=name)
    if isinstance(error, RefusedValueError):
        return tr("{name} (not put in: {reason})", name=name, reason=error.args[0])
    if isinstance(error, GlmError):  # a picture that cannot be sent
        reason = joined([error.message, error.hint]) if error.hint else error.message
        return tr("{name} (not put in: {reason})", name=name, reason=reason)
    guess = ""
    with suppress(Exception):  # `dir` and iterating may run the user's code
        if isinstance(error, AttributeError) and error.name:
            guess = nearest(error.name, (n for n in dir(error.obj) if not n.startswith("_")))
        elif isinstance(error, _NoKeyError):
            guess = nearest(error.args[0], filter(_is_text, islice(error.container, _MOST_KEYS)))
    kind = KeyError if isinstance(error, _NoKeyError) else type(error)
    reason = shorten(f"{kind.__name__}: {_reason(error)}", _LONGEST_REASON)
    return tr("{name} (not put in: {guess}{reason})", name=name, guess=guess, reason=reason)


def _is_text(key: object) -> bool:
    return isinstance(key, str)


def _reason(error: Exception) -> str:
    try:
        return str(error)
    except Exception:
        return ""


@lru_cache(maxsize=64)
def _parsed(expression: str) -> ast.expr:
    if "\n" in expression or len(expression) > _LONGEST_EXPRESSION:
        raise _NoExpressionError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a string is not for us to report
        return ast.parse(expression, mode="eval").body


def _evaluate(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return namespace[name]
        case ast.Attribute(value=value, attr=name):
            return getattr(_evaluate(value, namespace), name)
        case ast.Subscript(value=value, slice=index):
            container, key = _evaluate(value, namespace), _index(index, namespace)
            try:
                return container[key]
            except KeyError as error:
                raise _NoKeyError(error, container) from None
        case ast.Call():
            raise _CalledError
        case _:
            raise _NoExpressionError


def _index(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
        case ast.Tuple(elts=items):
            return tuple(_index(item, namespace) for item in items)
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(part and _index(part, namespace) for part in (lower, upper, step)))
        case _:
            return _evaluate(node, namespace)
