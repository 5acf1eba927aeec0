"""The tables of the reference pages: facts with their sources, errors, keys and settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

import glm_magic
from glm_magic.catalogue.load import Catalogue
from glm_magic.catalogue.schema import Source
from glm_magic.core.errors import GlmError
from glm_magic.credentials import ANY_PROVIDER
from glm_magic.magic.config import GLM
from glm_magic.magic.verbs.model_facts import describe


def markdown_facts(catalogue: Catalogue, models: Sequence[str]) -> str:
    """Return a section for each model: what is known of it at each provider, and where it was read.

    They are the facts that ``%glm models NAME`` shows.
    """
    sections = []
    for model_id in models:
        offers = [offer for (_, name), offer in catalogue.offers.items() if name == model_id]
        *facts, _ = describe(catalogue, catalogue.models[model_id], offers)
        for number, part in enumerate(facts):
            rows = [_fact_row(catalogue, *row) for row in part.rows]
            title = f"## {model_id}" if number == 0 else f"### {part.title}"
            sections.append(f"{title}\n\n{table(('fact', 'value', 'checked', 'source'), rows)}")
    return "\n".join(sections)


def _fact_row(
    catalogue: Catalogue, name: str, value: str, _: str, checked: str, source: str
) -> tuple[str, ...]:
    known = catalogue.sources.get(source)
    return (name, plain(value), checked, _linked(known) if known else source)


def _linked(source: Source) -> str:
    return f"[{code(source.name)}]({source.url})" if source.url else code(source.name)


KINDS = {
    "official": "official page",
    "recorded": "recorded traffic",
    "community": "third-party report",
    "lead": "not confirmed",
}


def markdown_sources(catalogue: Catalogue) -> str:
    """Return one row for each source, what weighs most first."""
    order = list(KINDS)
    sources = sorted(catalogue.sources.values(), key=lambda s: (order.index(s.kind), s.name))
    rows = [
        (_linked(source), plain(source.title), KINDS[source.kind], source.seen.isoformat())
        for source in sources
    ]
    return table(("source", "title", "kind", "read on"), rows)


def markdown_errors() -> str:
    """Return one row for each public class of error, in the order of the tree."""
    rows = []
    for kind in public_errors():
        what, advice = error_words(kind)
        depth = len(kind.__mro__) - len(GlmError.__mro__)
        rows.append((f"{'– ' * (depth - 1)}{code(kind.__name__)}", what, advice))
    return table(("error", "what happened", "what to do"), rows)


def public_errors() -> list[type[GlmError]]:
    """Return the classes of errors that a caller may catch, without the one above them all."""
    public = [getattr(glm_magic, name) for name in glm_magic.__all__]
    kinds = [kind for kind in public if isinstance(kind, type) and issubclass(kind, GlmError)]
    return [kind for kind in dict.fromkeys(kinds) if kind is not GlmError]


def error_words(kind: type[GlmError]) -> tuple[str, str]:
    """Return the two paragraphs of an error's description: what happened, and what to do."""
    what, _, advice = (inspect.getdoc(kind) or "").partition("\n\n")
    return plain(what), plain(advice.replace("``", "`"))


def markdown_keys(catalogue: Catalogue) -> str:
    """Return one row for each variable that holds a key."""
    serves: dict[str, list[str]] = {}
    for info in catalogue.providers.values():
        for name in info.key_env:
            serves.setdefault(name, []).append(code(info.name))
    rows = [(code(name), ", ".join(providers)) for name, providers in serves.items()]
    rows.append((code(ANY_PROVIDER), "any provider, self-hosted ones included"))
    return table(("variable", "serves"), rows)


def markdown_settings() -> str:
    """Return one row for each setting of ``%config GLM``."""
    traits = GLM.class_own_traits(config=True)
    rows = [(code(name), plain(traits[name].help)) for name in vars(GLM) if name in traits]
    return table(("setting", "meaning"), rows)


def plain(text: str) -> str:
    """Return words as they stand in a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|").replace("$", r"\$")


def code(text: str) -> str:
    """Return text as code."""
    return f"`{text}`"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
