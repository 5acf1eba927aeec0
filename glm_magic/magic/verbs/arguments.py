"""The kinds of argument that a verb can take: which words fit, and what Tab offers.

A verb writes its arguments as its help shows them, ``"N V"`` or ``"FILE [SPEED]"``. A word in
capitals names a kind of `KINDS`, or one of the verb's own; any other word stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...catalogue.load import Catalogue
from ...catalogue.resolve import find_model, split_model
from ...catalogue.schema import Offer
from ..line import candidates

if TYPE_CHECKING:
    from ..workspace import Workspace

Accepts = Callable[["Workspace", str], bool]
"""Whether a word can be an argument of the kind."""

Completions = Callable[["Workspace", Sequence[str]], Iterable[str]]
"""What Tab offers for it, given the arguments before it."""


def nothing(_workspace: Workspace, _before: Sequence[str]) -> Iterable[str]:
    """Offer nothing."""
    return ()


@dataclass(frozen=True, slots=True)
class ArgumentKind:
    """Which words can be an argument, and what Tab offers for it."""

    accepts: Accepts
    completions: Completions = nothing


def matching(pattern: str, completions: Completions = nothing) -> ArgumentKind:
    """Return the kind of the words that match a pattern as a whole."""
    fits = re.compile(pattern).fullmatch
    return ArgumentKind(lambda _, word: fits(word) is not None, completions)


def one_of(words: Collection[str]) -> ArgumentKind:
    """Return the kind that is one of some words."""
    return ArgumentKind(lambda _, word: word in words, lambda _workspace, _before: words)


def path_to(*endings: str) -> ArgumentKind:
    """Return the kind of a path to write to or read from; Tab offers files of the folder."""
    return matching(
        r".+\.(jsonl|json|md)|.*[./~].*", lambda _workspace, _before: candidates.files(*endings)
    )


def offers_matching(catalogue: Catalogue, word: str) -> list[Offer]:
    """Return the offers of a provider, or of the models whose name has the word in it."""
    offers = [offer for name in catalogue.providers for offer in catalogue.of_provider(name)]
    if not word:
        return offers
    if word in catalogue.providers:
        return catalogue.of_provider(word)
    provider, bare = split_model(catalogue, None, word)
    exact = find_model(catalogue, bare or word)
    if exact:
        here = (exact.id, provider or "")
        return [o for o in offers if here in ((o.model.id, ""), (o.model.id, o.provider.name))]
    return [offer for offer in offers if word.lower() in offer.model.id]


def _filters(workspace: Workspace, word: str) -> bool:
    catalogue, word = workspace.catalogue, workspace.aliases.get(word, word)
    return bool(offers_matching(catalogue, word)) or word in catalogue.providers


def _variants(workspace: Workspace, before: Sequence[str]) -> list[str]:
    slots, number = workspace.session.slots, int(before[-1])
    return candidates.numbers(len(slots[number - 1].variants)) if number <= len(slots) else []


_COUNT = r"[1-9]\d{0,5}"

COUNT = matching(_COUNT)
"""A number that is not a turn's."""

KINDS: Mapping[str, ArgumentKind] = {
    "N": matching(_COUNT, lambda workspace, _: candidates.numbers(len(workspace.session))),
    "V": matching(_COUNT, _variants),
    "NAME": matching(r"[\w.-]+"),
    "FILE": matching(r".+", lambda workspace, _: candidates.tapes(workspace)),
    "SPEED": matching(r"\d+(\.\d+)?|max"),
    "AMOUNT": matching(r"\S*\d\S*(\s\S+)?"),
    "DATE": matching(r"\d{4}-\d\d-\d\d"),
    "MODEL": matching(r"\S+", lambda workspace, _: candidates.models(workspace)),
    "MODEL|PROVIDER|SESSION": matching(
        r"\S+",
        lambda workspace, _: [
            *candidates.models(workspace),
            *workspace.catalogue.providers,
            *workspace.sessions.all_names,
        ],
    ),
    "FILTER": ArgumentKind(
        _filters,
        lambda workspace, _: [*workspace.catalogue.providers, *workspace.catalogue.models],
    ),
    "SESSION": ArgumentKind(
        lambda workspace, word: word in workspace.sessions,
        lambda workspace, _: workspace.sessions.all_names,
    ),
    "ALIAS": ArgumentKind(
        lambda workspace, word: word in workspace.aliases, lambda workspace, _: workspace.aliases
    ),
}
"""The kinds that any verb can take, as the help writes them."""
