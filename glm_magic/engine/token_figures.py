"""How probable the tokens of a reply are: asked for, missed, and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..catalogue.load import catalogue
from ..catalogue.lookup import able
from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError, UnsupportedError
from ..core.i18n import tr
from ..core.turn import Notice, Step

DEFAULT_ALTERNATIVES = 5
"""The likeliest tokens that are asked for where no number is named."""
COLUMNS = ("text", "part", "logprob", "entropy", "alternatives")
_TOP = "top_logprobs"


def token_parameters(asked: bool | int | None, offer: Offer) -> dict[str, Any]:
    """Return the body keys that ask for the probabilities of tokens.

    Parameters
    ----------
    asked : bool or int, optional
        How many alternatives of each; True: as many as is usual.
    offer : Offer
        Who is asked.

    Raises
    ------
    UnsupportedError
        They cannot be had there.
    InvalidValueError
        So many alternatives cannot.
    """
    if not asked:
        return {}
    title = offer.provider.title
    if offer.logprobs == "no":
        raise UnsupportedError(
            tr(
                "{model} at {provider} does not report how probable its tokens are",
                model=offer.model.id,
                provider=title,
            ),
            hint=tr("these do: {names}", names=", ".join(able(catalogue(), "logprobs"))),
            provider=offer.provider.name,
        )
    most = most_alternatives(offer)
    count = min(DEFAULT_ALTERNATIVES, most or DEFAULT_ALTERNATIVES) if asked is True else asked
    if most is not None and count > most:
        raise InvalidValueError(
            tr(
                "{provider} reports at most {most} alternatives of a token, not {count}",
                provider=title,
                most=most,
                count=count,
            ),
            hint=tr("write --logprobs {most}, or logprobs={most}", most=most),
            provider=offer.provider.name,
        )
    return {"logprobs": True, _TOP: count}


def most_alternatives(offer: Offer) -> int | None:
    """Return how many alternatives of a token a provider reports; ``None``: not documented."""
    rule = offer.provider.parameters.get(_TOP)
    return int(rule.max) if rule is not None and rule.max is not None else None


def missing_figures(body: Mapping[str, Any], offer: Offer, step: Step) -> Notice | None:
    """Return the notice on a reply that reports nothing about its tokens, although it was asked."""
    options: Any = body.get("parameters", body)
    is_asked = isinstance(options, Mapping) and options.get("logprobs")
    if not is_asked or step.tokens or not (step.content or step.reasoning):
        return None
    text = tr(
        "{provider} ignored logprobs: it reported nothing about the tokens of {model}",
        provider=offer.provider.title,
        model=offer.model.id,
    )
    return Notice("no-logprobs", text)


def token_rows(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return one row for each token of all steps, with the columns of `COLUMNS`."""
    return [
        {
            "text": token.text,
            "part": token.part,
            "logprob": token.logprob,
            "entropy": token.entropy,
            "alternatives": dict(token.alternatives),
        }
        for step in steps
        for token in step.tokens
    ]
