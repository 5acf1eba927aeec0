"""Every sentence of ours that a person may read, collected from the source of the package.

An error's message and hint, a notice's text and the sentences of verbs are read off the calls
that make them. What such an
expression takes from elsewhere is followed as far as it is a text of ours: names, tables, small
functions, and the arguments of whoever calls the function that it stands in. Everything else
becomes a dummy, as a value would be.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import glm_magic
from glm_magic.core import errors

PACKAGE = Path(glm_magic.__file__).parent
ERRORS = {name for name, cls in vars(errors).items() if inspect.isclass(cls)}
DEEPEST = 14
MOST = 400
Function = ast.FunctionDef | ast.AsyncFunctionDef

_numbers = itertools.count(1)
DUMMY = re.compile(r"⟨[^⟩]*⟩")


def dummy() -> str:
    """Return a value that no sentence holds."""
    return f"⟨{next(_numbers)}⟩"


@dataclass
class Module:
    """One file of the package, and what its names stand for."""

    path: Path
    tree: ast.Module
    texts: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    around: dict[ast.AST, Function] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Module:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = cls(path, tree)
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name):
                    found.texts[target.id] = node.value
        for node in ast.walk(tree):
            if isinstance(node, Function):
                found.functions[node.name] = node
                for inner in ast.walk(node):
                    found.around[inner] = node  # the innermost function is walked last
        return found


MODULES = [Module.read(path) for path in sorted(PACKAGE.rglob("*.py"))]
CALLS: dict[str, list[tuple[Module, ast.Call]]] = defaultdict(list)
for module in MODULES:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            CALLS[name].append((module, node))


@dataclass(frozen=True)
class Sentence:
    """One text, and where it arises."""

    where: str
    text: str


def sentences(reader: Reader) -> Iterator[Sentence]:
    """Return what errors, notices and verbs say."""
    for name, calls in CALLS.items():
        for module, call in calls:
            wanted = _told(name, call)
            for expression in filter(None, wanted):
                where = f"{module.path.relative_to(PACKAGE)}:{expression.lineno}"
                for text in reader.texts(expression, module):
                    if text and not DUMMY.fullmatch(text):
                        yield Sentence(where, text)
    yield from hints(reader)


def _told(name: str, call: ast.Call) -> list[ast.expr | None]:
    """Return the arguments of a call that a person will read."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name == "Notice":
        return call.args[1:2]
    if name == "Paragraph":
        return call.args[:1]
    if name == "Table":
        return [*call.args[3:4], given.get("note")]
    if name in ERRORS or "hint" in given:  # the class may be chosen: cls(…, hint=…)
        return [*call.args[:1], given.get("hint")]
    return []


def hints(reader: Reader) -> Iterator[Sentence]:
    """Return the hints of the tables in which dialects judge a provider's errors."""
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Tuple) and len(node.elts) == 3 and _is_verdict(node):
                where = f"{module.path.relative_to(PACKAGE)}:{node.lineno}"
                for text in reader.texts(node.elts[1], module):
                    yield Sentence(where, text)


def _is_verdict(node: ast.Tuple) -> bool:
    first = node.elts[0]
    return (getattr(first, "attr", None) or getattr(first, "id", None)) in ERRORS


class Reader:
    """Follows expressions to the texts that they may be.

    Parameters
    ----------
    by_hand : dict
        What an expression stands for, by its file and source, where that cannot be followed.
    """

    def __init__(self, by_hand: dict[str, Iterable[str]]) -> None:
        self._by_hand = by_hand
        self.used: set[str] = set()

    def texts(self, node: ast.expr, module: Module, deeper: int = DEEPEST) -> list[str]:
        """Return every text that an expression may be; a dummy where it is a value."""
        source = f"{module.path.relative_to(PACKAGE)}: {ast.unparse(node)}"
        if source in self._by_hand:
            self.used.add(source)
            return list(self._by_hand[source])
        found = self._follow(node, module, deeper - 1) if deeper else None
        ours = any(not text or DUMMY.sub("", text) for text in found or ())
        return list(dict.fromkeys(found))[:MOST] if found and ours else [dummy()]

    def _follow(self, node: ast.expr, module: Module, deeper: int) -> list[str] | None:
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                return self._joined(values, module, deeper)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([left, right], module, deeper)
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self.texts(value, module, deeper)
            case ast.IfExp(body=body, orelse=orelse):
                return self._any([body, orelse], module, deeper)
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._any(values, module, deeper)
        return self._elsewhere(node, module, deeper)

    def _elsewhere(self, node: ast.expr, module: Module, deeper: int) -> list[str] | None:
        """Return what stands in another place of the source."""
        match node:
            case ast.Subscript(value=ast.Name() as table):
                return self._table(table, module, deeper)
            case ast.Call(func=ast.Attribute(value=ast.Name() as table, attr="get")):
                listed = self._table(table, module, deeper)
                return listed and [*listed, *self._any(node.args[1:], module, deeper)]
            case ast.Call(func=ast.Name() | ast.Attribute(value=ast.Name())):
                return self._returned(node, module, deeper)
            case ast.Name():
                return self._named(node, module, deeper)
        return None

    def _any(self, nodes: Iterable[ast.expr], module: Module, deeper: int) -> list[str]:
        return [text for node in nodes for text in self.texts(node, module, deeper)]

    def _joined(self, parts: list[ast.expr], module: Module, deeper: int) -> list[str]:
        read = [self.texts(part, module, deeper) for part in parts]
        return ["".join(parts) for parts in itertools.islice(itertools.product(*read), MOST)]

    def _assigned(self, name: ast.Name, module: Module) -> list[ast.expr]:
        """Return what a name stands for in its function, or else in its module."""
        function = module.around.get(name)
        local = [
            node.value
            for node in (ast.walk(function) if function else ())
            if isinstance(node, (ast.Assign, ast.NamedExpr)) and _target(node) == name.id
        ]
        return local or [module.texts[name.id]] if local or name.id in module.texts else []

    def _table(self, name: ast.Name, module: Module, deeper: int) -> list[str]:
        tables = [node for node in self._assigned(name, module) if isinstance(node, ast.Dict)]
        values = [value for table in tables for value in table.values]
        return self._any(values, module, deeper)

    def _named(self, name: ast.Name, module: Module, deeper: int) -> list[str] | None:
        assigned = self._assigned(name, module)
        if assigned:
            return self._any(assigned, module, deeper)
        function = module.around.get(name)
        names = [argument.arg for argument in function.args.args] if function else []
        named = [argument.arg for argument in function.args.kwonlyargs] if function else []
        if function is None or name.id not in (*names, *named):
            return None
        place = names.index(name.id) - (names[0] == "self") if name.id in names else 99
        found = []
        for where, call in CALLS.get(function.name, ()):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            value = call.args[place] if place < len(call.args) else given.get(name.id)
            ours = not function.name.startswith("_") or where is module
            if value is not None and ours:
                found += self.texts(value, where, deeper)
        return found

    def _returned(self, call: ast.Call, module: Module, deeper: int) -> list[str] | None:
        """Return what a small function of ours returns, if that is a text."""
        name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
        homes = [m for m in (module, *MODULES) if name in m.functions]
        if not homes or ast.unparse(homes[0].functions[name].returns or call) != "str":
            return None
        function = homes[0].functions[name]
        results = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value]
        return self._any(results, homes[0], deeper)


def _target(node: ast.Assign | ast.NamedExpr) -> str | None:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    return target.id if isinstance(target, ast.Name) else None
