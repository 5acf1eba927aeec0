"""The kinds of argument that a verb can take: which words fit, what Tab offers, what it is called.

A verb writes its arguments as its help shows them, ``"N V"`` or ``"FILE [SPEED]"``. A word in
capitals names a kind of `KINDS`, or one of the verb's own; any other word stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...catalogue.load import Catalogue
from ...catalogue.lookup import find_model, split_model
from ...catalogue.schema import Offer
from ...core.i18n import Text, joined, tr
from ...session.repository import ALL
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


_ANY_WORD = tr("another word")


@dataclass(frozen=True, slots=True)
class ArgumentKind:
    """Which words can be an argument, what Tab offers for it, and what a message calls it."""

    accepts: Accepts
    completions: Completions = nothing
    noun: Text = _ANY_WORD
    """What the verb needs there, with its article."""
    named: bool = False
    """Whether it is one of some names, so that a misspelt one has a nearest."""


def matching(
    pattern: str, completions: Completions = nothing, noun: Text = _ANY_WORD
) -> ArgumentKind:
    """Return the kind of the words that match a pattern as a whole."""
    fits = re.compile(pattern).fullmatch
    return ArgumentKind(lambda _, word: fits(word) is not None, completions, noun)


def one_of(words: Collection[str]) -> ArgumentKind:
    """Return the kind that is one of some words."""
    noun = joined(words, ", ")  # as they are typed, in any language
    return ArgumentKind(
        lambda _, word: word in words, lambda _workspace, _before: words, noun, named=True
    )


def path_to(*endings: str) -> ArgumentKind:
    """Return the kind of a path to write to or read from; Tab offers files of the folder."""
    return matching(
        r".+\.(jsonl|json|md)|.*[./~].*",
        lambda _workspace, _before: candidates.files(*endings),
        tr("a path that ends in {endings}", endings=", ".join(endings)),
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

COUNT = matching(_COUNT, noun=tr("a number"))
"""A number that is not a turn's."""

_NAME = r"[\w.-]+"
_NAME_NOUN = tr("a name of letters, digits, dots, _ and -")

NEW_SESSION = matching(
    rf"(?!{ALL}$){_NAME}", noun=tr("a name other than all, of letters, digits, dots, _ and -")
)
"""Not ``all``, which ``%glm forget all`` takes for every session."""

KINDS: Mapping[str, ArgumentKind] = {
    "N": matching(
        _COUNT,
        lambda workspace, _: candidates.numbers(len(workspace.session)),
        tr("the number of a turn"),
    ),
    "V": matching(_COUNT, _variants, tr("the number of a variant")),
    "NAME": matching(_NAME, noun=_NAME_NOUN),
    "FILE": matching(r".+", lambda workspace, _: candidates.tapes(workspace), tr("a file")),
    "SPEED": matching(r"\d+(\.\d+)?|max", noun=tr("a speed: a number, or max")),
    "AMOUNT": matching(r"\S*\d\S*(\s\S+)?", noun=tr("an amount, such as ¥5, $0.10 or 200k")),
    "DATE": matching(r"\d{4}-\d\d-\d\d", noun=tr("a date, such as 2026-11-21")),
    "MODEL": matching(r"\S+", lambda workspace, _: candidates.models(workspace), tr("a model")),
    "MODEL|PROVIDER|SESSION": matching(
        r"\S+",
        lambda workspace, _: [
            *candidates.models(workspace),
            *workspace.catalogue.providers,
            *workspace.sessions.all_names,
        ],
        tr("a model, a provider or a session"),
    ),
    "FILTER": ArgumentKind(
        _filters,
        lambda workspace, _: [*workspace.catalogue.providers, *workspace.catalogue.models],
        tr("a provider, or a model or part of its name"),
        named=True,
    ),
    "SESSION": ArgumentKind(
        lambda workspace, word: word in workspace.sessions,
        lambda workspace, _: workspace.sessions.all_names,
        tr("the name of a session"),
        named=True,
    ),
    "ALIAS": ArgumentKind(
        lambda workspace, word: word in workspace.aliases,
        lambda workspace, _: workspace.aliases,
        tr("the name of an alias"),
        named=True,
    ),
}
"""The kinds that any verb can take, as the help writes them."""
