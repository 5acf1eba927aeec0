"""Options of several levels -> one: the line over the session, the session over its defaults."""

from __future__ import annotations

from dataclasses import replace

from ...catalogue.choose import find_model, split_model
from ...catalogue.load import Catalogue
from .options import Options


def merge(known: Catalogue, *levels: Options) -> Options:
    """Lay levels over each other, the first one on top.

    A provider that is named above a model leaves that model out unless it serves it, so that
    ``-p`` alone asks the provider's own default; ``provider/model`` names both.
    """
    result = Options()
    for level in levels:
        below = split(known, level)
        if result.provider and not result.model and not _serves(known, result.provider, below):
            below = replace(below, model=None)
        result = result.over(below)
    return result


def split(known: Catalogue, options: Options) -> Options:
    """Write ``provider/model`` as provider and model."""
    provider, model = split_model(known, options.provider, options.model)
    return replace(options, provider=provider, model=model)


def _serves(known: Catalogue, provider: str, below: Options) -> bool:
    info = known.providers.get(provider)
    model = find_model(known, below.model) if below.model else None
    if info is None or info.self_hosted or model is None:
        return info is None or below.provider in (None, provider)
    return (info.name, model.id) in known.offers
