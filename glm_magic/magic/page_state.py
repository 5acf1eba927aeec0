"""What a page shows of a kernel: the session's figures and turns, the names, and words to complete.

Everything here is plain JSON, made anew each time; `page_link` sends what changed of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalogue.load import Catalogue, catalogue
from ..catalogue.resolve import LOCAL
from ..core.errors import GlmError
from ..core.i18n import translate
from ..core.price import currency_symbol
from ..core.text import shorten
from ..core.usage import Usage
from ..engine.checks import input_limit
from ..local.models import named_model
from ..session.conversation import Conversation
from ..session.ledger import Total
from ..session.slots import Slot, cell_of
from ..wire.tape.tape import Tape
from .aliases import aliases
from .cells import user_names
from .line import candidates
from .line.options import OPTIONS
from .verbs.model_facts import in_lines
from .verbs.registry import verbs
from .verbs.tapes import summary

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..catalogue.schema import Offer
    from .workspace import Workspace

MOST_NAMES = 2000
"""Of a namespace with more, none are sent: a page marks no name as unknown then."""
MOST_TAPE_BYTES = 1_000_000
"""Of a larger tape only the name is told: reading it takes seconds."""
_SHAPED = ("numpy", "pandas", "polars", "torch")
"""Whose values are asked for their shape; the property of another one may do anything."""
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)


def figures_of(workspace: Workspace | None) -> dict[str, Any]:
    """Return the sums over every call, as ``%glm usage`` has them.

    Parameters
    ----------
    workspace : Workspace or None
        ``None`` where nothing was asked yet.
    """
    conversation = workspace.in_use() if workspace is not None else None
    if workspace is None or conversation is None:
        return {"session": "", "turns": 0}
    total = Total.of(entry for session in workspace.sessions for entry in session.entries)
    return {
        "session": workspace.session_name,
        "turns": len(conversation.turns),
        "input": total.usage.input or 0,
        "output": total.usage.output or 0,
        "estimated": total.estimated,
        "cost": str(total.cost.to_text()) if total.cost.amounts else "",
        "jobs": len(workspace.jobs.running),
        **_context(workspace, conversation),
    }


def _context(workspace: Workspace, conversation: Conversation) -> dict[str, Any]:
    """Return who was asked last, and how much of its context the next turn would begin with."""
    if not conversation.turns:
        return {"model": "", "provider": "", "used": 0, "limit": 0}
    turn = conversation.turns[-1]
    offer = workspace.catalogue.offers.get((turn.provider, turn.model))
    limit = input_limit(offer, {}) if offer is not None else None
    if turn.provider == LOCAL:
        limit = named_model(turn.model).context
    sent = [step for slot in conversation.slots if slot.is_sent for step in slot.turn.steps]
    usage = next((s.usage or s.estimate for s in reversed(sent) if s.usage or s.estimate), None)
    used = 0
    if usage is not None:
        used = (usage.input or 0) + (usage.output or 0) - (usage.reasoning or 0)
    return {"model": turn.model, "provider": turn.provider, "used": used, "limit": limit or 0}


def turns_of(conversation: Conversation | None) -> dict[str, dict[str, Any]]:
    """Return what a map shows of each turn, by its slot's id and in the order of the session."""
    if conversation is None:
        return {}
    stale = conversation.stale()
    return {slot.id: _row(slot, slot in stale) for slot in conversation.slots}


def _row(slot: Slot, stale: bool) -> dict[str, Any]:
    turn = slot.turn
    usage = (turn.usage or Usage()) + (turn.estimate or Usage())
    marks = {
        "pinned": slot.pinned,
        "hidden": slot.hidden,
        "gone": slot.orphaned,
        "stale": stale,
    }
    return {
        "cell": cell_of(slot.key) or "",
        "prompt": shorten(turn.shown_prompt),
        "model": turn.model,
        "status": turn.status,
        "variant": slot.place + 1,
        "variants": len(slot.variants),
        "tokens": usage.total or 0,
        "estimated": turn.estimate is not None,
        "marks": [name for name, applies in marks.items() if applies],
    }


def names_of(shell: InteractiveShell) -> dict[str, str] | None:
    """Return the user's names with what each is; ``None`` where there are too many."""
    names, values = user_names(shell), dict(shell.user_ns)
    if len(names) > MOST_NAMES:
        return None
    return {name: _kind(values[name]) for name in names if name in values}


def _kind(value: object) -> str:
    """Return a value's type and its shape, and run nothing of the user's to learn it."""
    kind = type(value)
    if kind.__module__.partition(".")[0] in _SHAPED:
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and all(isinstance(length, int) for length in shape):
            return f"{kind.__name__} {' × '.join(map(str, shape))}".rstrip()
    if kind in _SIZED:
        return f"{kind.__name__} {len(value)}"  # type: ignore[arg-type]
    return kind.__name__


def words_of() -> dict[str, list[tuple[str, str, str]]]:
    """Return what may stand on a magic's line, each with a word about it and its help."""
    options = [
        (flag, option.metavar if option.takes_value else "", translate(option.help))
        for option in OPTIONS
        for flag in option.flags
    ]
    known = [
        (name, " | ".join(verb.arguments), translate(verb.help)) for name, verb in verbs().items()
    ]
    models = list(_models(catalogue(), aliases()))
    return {"options": options, "verbs": known, "models": models}


def tapes_of() -> list[tuple[str, str, str]]:
    """Return the tapes of the folder in the form of the words, each with what is on it."""
    return [(name, "", _on_tape(Path(name))) for name in candidates.files(candidates.TAPE)]


def _on_tape(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # it is gone, or a link to nothing
        return ""
    if facts.st_size > MOST_TAPE_BYTES:
        return ""
    return _summary_of(path.absolute(), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=100)
def _summary_of(path: Path, _changed_ns: int, _bytes: int) -> str:
    try:
        return translate(summary(Tape.read(path).entries))
    except GlmError as error:
        return translate(error.message)


def _models(known: Catalogue, others: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each name of a model with limit and price in short, and with what is known of it."""
    served: dict[str, list[Offer]] = {}
    for (provider, model), offer in known.offers.items():
        if offer.is_served:
            served.setdefault(model, []).append(offer)
            served[f"{provider}/{model}"] = [offer]
    models = {name: model.id for model in known.models.values() for name in model.aliases}
    for name in dict.fromkeys([*known.model_names(), *others, *served]):
        model = others.get(name, name)
        offers = served.get(models.get(model, model), [])
        yield name, _in_short(offers), in_lines(offers)


def _in_short(offers: Sequence[Offer]) -> str:
    """Return the longest context of some offers, and the prices per million tokens of the first."""
    contexts = [offer.context for offer in offers if offer.context]
    price = next((offer.price for offer in offers if offer.price), None)
    parts = [f"{max(contexts) / 1000:,.0f}k"] if contexts else []
    if price is not None:
        tier, symbol = price.tiers[0], currency_symbol(price.currency)
        parts.append(f"{symbol}{tier.input.normalize():f} / {symbol}{tier.output.normalize():f}")
    return " · ".join(parts)
