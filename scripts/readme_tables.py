"""Write the generated tables of the documentation.

``python scripts/readme_tables.py --write`` writes them into the pages of ``docs/``; without
``--write`` it exits with 1 when a page is out of date. A table stands between
``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from glm_magic.catalogue.load import Catalogue, catalogue
from glm_magic.catalogue.lookup import default_model
from glm_magic.catalogue.schema import Offer, ProviderInfo
from glm_magic.core.price import Price, Tier, currency_symbol
from glm_magic.magic.help import option_rows, verb_rows
from scripts.reference_tables import (
    code,
    markdown_errors,
    markdown_facts,
    markdown_keys,
    markdown_settings,
    markdown_sources,
    table,
)

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SEEN = ROOT / "tests" / "hosts" / "seen.json"
"""What the tests saw in each host; ``make hosts`` writes it."""

UNKNOWN = "n/a"
COMMUNITY_MARK = "†"
ENDING_MARK = "‡"

TABLES: dict[str, Callable[[], str]] = {
    "options": lambda: "\n".join(option_rows()),
    "verbs": lambda: "\n".join(verb_rows()),
    "providers": lambda: markdown_providers(catalogue()),
    "models": lambda: markdown_models(catalogue()),
    "abilities": lambda: markdown_abilities(catalogue()),
    "facts": lambda: markdown_facts(catalogue(), _newest_first(catalogue())),
    "sources": lambda: markdown_sources(catalogue()),
    "errors": markdown_errors,
    "keys": lambda: markdown_keys(catalogue()),
    "settings": markdown_settings,
    "hosts": lambda: markdown_hosts(json.loads(SEEN.read_text(encoding="utf-8"))),
}
_TABLE = re.compile(r"<!-- begin (\w+) -->.*?<!-- end \1 -->", re.DOTALL)


def tables_in(text: str) -> list[str]:
    """Return the names of the tables that a page has a place for."""
    return [match[1] for match in _TABLE.finditer(text)]


def with_tables(text: str) -> str:
    """Return a page with each of its tables as the source has it now.

    Raises
    ------
    KeyError
        The page has a place for a table that does not exist.
    """

    def table(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- begin {name} -->\n{TABLES[name]().strip()}\n<!-- end {name} -->"

    return _TABLE.sub(table, text)


def main() -> None:
    """Write the tables, or exit with 1 when a page is out of date."""
    outdated = []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = with_tables(text)
        if new == text:
            continue
        if "--write" in sys.argv[1:]:
            page.write_text(new, encoding="utf-8")
        else:
            outdated.append(f"docs/{page.name}")
    if outdated:
        sys.exit(f"out of date: {', '.join(outdated)}; run make tables")


def markdown_providers(catalogue: Catalogue) -> str:
    """Return one row for each provider, in the order in which keys are looked for."""
    rows = [_provider_row(catalogue, info) for info in catalogue.providers.values()]
    return table(("provider", "service", "address", "key", "default model"), rows)


def markdown_models(catalogue: Catalogue) -> str:
    """Return one row for each model and group of providers where the same facts hold.

    Below the table stands what the price column means, and the day of the oldest price in it.
    """
    head = ("model", "provider", "context", "longest output", "thinking", "price in / out")
    rows = [
        row for model_id in _newest_first(catalogue) for row in _model_rows(catalogue, model_id)
    ]
    return f"{table(head, rows)}\n{_price_legend(catalogue)}\n"


ABILITIES = {
    "functions": "functions",
    "structured_output": "JSON mode",
    "web_search": "web search",
    "prefix": "continues a reply",
    "prefix_thinking": "continues a thought",
    "thinking_budget": "own limit of thinking",
}
"""Fact of an offer -> the head of its column."""


def markdown_abilities(catalogue: Catalogue) -> str:
    """Return what each model can do, one row for each group of providers, and what servers can."""
    rows = []
    for model_id in _newest_first(catalogue):
        groups: dict[tuple[str, ...], list[str]] = {}
        for info in catalogue.providers.values():
            offer = catalogue.offers.get((info.name, model_id))
            if offer:
                facts = tuple(_ability(str(getattr(offer, name))) for name in ABILITIES)
                groups.setdefault(facts, []).append(code(info.name))
        rows += [(code(model_id), ", ".join(served), *facts) for facts, served in groups.items()]
    servers: dict[tuple[str, ...], list[str]] = {}
    for info in catalogue.providers.values():
        if info.self_hosted:
            facts = tuple(_ability(getattr(info, name, "unknown")) for name in ABILITIES)
            servers.setdefault(facts, []).append(code(info.name))
    rows += [("any", ", ".join(names), *facts) for facts, names in servers.items()]
    return table(("model", "provider", *ABILITIES.values()), rows)


def markdown_hosts(seen: Mapping[str, Mapping[str, str]]) -> str:
    """Return what the tests saw in each host: one table where notebooks run, one of what converts.

    Parameters
    ----------
    seen : Mapping
        By the host's name: its version, what is seen while a reply ``streams``, what can ``stop``
        it, what ``stays``, and the day.
    """
    order = sorted(seen.items(), key=lambda item: item[0].lstrip("%").lower())
    runs = [
        (name, row["version"], row["streams"], row["stop"] or "–", row["stays"], row["seen"])
        for name, row in order
        if row["streams"]
    ]
    converts = [
        (name, row["version"], row["stays"], row["seen"])
        for name, row in order
        if not row["streams"]
    ]
    head = ("host", "version", "the reply is shown", "stopped by", "what stays", "seen")
    return "\n".join(
        [table(head, runs), "", table(("converter", "version", "what stays", "seen"), converts)]
    )


def _ability(word: str) -> str:
    return {"unknown": UNKNOWN, "non-thinking": "without thinking"}.get(word, word)


def _newest_first(catalogue: Catalogue) -> list[str]:
    models = sorted(catalogue.models.values(), key=lambda model: (-model.rank, not model.general))
    return [model.id for model in models]


def _provider_row(catalogue: Catalogue, info: ProviderInfo) -> tuple[str, ...]:
    model = default_model(catalogue, info.name)
    key = " or ".join(code(name) for name in info.key_env)
    return (
        code(info.name),
        info.title,
        "any free port of this computer" if ":0/" in info.base_url else code(info.base_url),
        key or "none needed",
        code(model.id) if model else "the one it serves",
    )


def _model_rows(catalogue: Catalogue, model_id: str) -> Iterable[tuple[str, ...]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for info in catalogue.providers.values():
        offer = catalogue.offers.get((info.name, model_id))
        if offer:
            groups.setdefault(_facts(catalogue, offer), []).append(code(info.name))
    for facts, served in groups.items():
        yield (code(model_id), ", ".join(served), *facts)


def _facts(catalogue: Catalogue, offer: Offer) -> tuple[str, ...]:
    price = _price(catalogue, offer.price)
    if offer.retires or offer.plan_only:
        price += f" {ENDING_MARK}"
    return _tokens(offer.context), _longest(offer), _thinking(offer), price


def _longest(offer: Offer) -> str:
    if offer.max_output is not None or offer.max_answer is None:
        return _tokens(offer.max_output)
    if offer.max_reasoning is None:
        return _tokens(offer.max_answer)
    return f"{_tokens(offer.max_answer)} + {_tokens(offer.max_reasoning)} thinking"


def _thinking(offer: Offer) -> str:
    switch = "on, off" if offer.thinking_off else "always"
    levels = offer.effort
    if len(levels) > 3:
        levels = (f"{levels[0]} … {levels[-1]}",)
    return ", ".join((switch, *levels))


def _price(catalogue: Catalogue, price: Price | None) -> str:
    if price is None:
        return UNKNOWN
    source = catalogue.sources.get(price.source)
    mark = COMMUNITY_MARK if source and source.kind == "community" else ""
    # two bare dollar signs would set what stands between them as a formula
    symbol = currency_symbol(price.currency).replace("$", "\\$")
    return f"{'; '.join(_tier(tier, symbol) for tier in price.tiers)} {mark}".rstrip()


def _tier(tier: Tier, symbol: str) -> str:
    if not (tier.input or tier.output):
        return "free"
    text = f"{symbol}{tier.input} / {symbol}{tier.output}"
    if tier.cached is not None:
        text += f" (cached {symbol}{tier.cached})"
    if tier.above is not None:
        text += f" above {_tokens(tier.above)}"
    if tier.up_to is not None:
        text += f" to {_tokens(tier.up_to)}"
    if tier.below is not None:
        text += f" below {tier.below:,}"
    return text + (f", output below {tier.output_below:,}" if tier.output_below else "")


def _price_legend(catalogue: Catalogue) -> str:
    checked = [offer.price.checked for offer in catalogue.offers.values() if offer.price]
    seen = f", compared with their sources on {min(checked)} or later" if checked else ""
    return (
        f"Prices are per million tokens{seen}; a tier goes by each call's own input, where it says "
        f"so by its output too, and K is 1024 tokens. {COMMUNITY_MARK} third-party report. "
        f"{ENDING_MARK} its removal was announced, or it is for subscribers alone. "
        f"{UNKNOWN}: not known, never counted as free."
    )


def _tokens(count: int | None) -> str:
    if count is None:
        return UNKNOWN
    for unit, size in (("M", 1_000_000), ("M", 1024 * 1024), ("K", 1024)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count:,}"


if __name__ == "__main__":
    main()
