"""Messages and options -> a call that is ready to send."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from .. import local
from ..catalogue.load import Catalogue, catalogue
from ..catalogue.resolve import LOCAL, Resolved, find_model, resolve, split_model
from ..catalogue.schema import ModelInfo, Offer
from ..core.messages import Message
from ..core.secret import Secret
from ..core.turn import Notice
from ..core.usage import TokenEstimate, estimate_body
from ..credentials import find_key, require_key
from ..dialects import DIALECTS
from ..local.models import named_model, selected_model
from ..wire.request import IDLE_TIMEOUT_S
from ..wire.tape.tape import OpenTape
from .checks import parameter_notices, plan
from .options import Options
from .prepared import PreparedRequest
from .replay import follow_recording, is_live, recorded_model
from .structured import apply_schema
from .tapes import open_tape
from .tool_setup import set_up_tools


def prepare(
    messages: Sequence[Message],
    options: Options,
    *,
    start_local: bool = True,
) -> PreparedRequest:
    """Choose, check and spell one prompt; nothing is sent.

    Parameters
    ----------
    messages : sequence of Message
        The context, ending with the prompt.
    options : Options
        What the caller set.
    start_local : bool
        False leaves the local server alone and does without a key, for a look at the request.

    Raises
    ------
    RefusedError
        Anything that is known not to work, before anything is sent.
    """
    deck = open_tape(options.tape, options.speed)
    choice = resolve_offer(options, deck=deck)
    offer, key = choice.offer, None
    wish = apply_schema(options, offer)
    options = wish.options
    if options.system:
        messages = (Message("system", options.system), *messages)
    equipment = set_up_tools(options, offer, wish.shape)
    request = plan(
        offer,
        messages,
        thinking=options.thinking,
        parameters=equipment.parameters,
        tools=equipment.tools,
    )
    request = replace(request, preserve=options.preserve)
    dialect = DIALECTS[offer.provider.dialect]
    # Encoding refuses what cannot be spelled, and a tape what it does not hold, before a server is
    # started.
    wire = dialect.encode(request, offer)
    live = not start_local or is_live(deck, offer, wire)
    if live and start_local:
        reached, key = _reachable(offer, options)
        if reached is not offer:
            offer, wire = reached, dialect.encode(request, reached)
    return PreparedRequest(
        prompt=messages[-1].content,
        offer=offer,
        dialect=dialect,
        request=request,
        wire=wire,
        size=TokenEstimate(estimate_body(wire.body)),
        key=key,
        notices=(
            *choice.notices,
            *wish.notices,
            *parameter_notices(request.parameters, offer),
            *_about(offer, live),
        ),
        idle_timeout_s=options.idle_timeout_s or IDLE_TIMEOUT_S,
        tool_plan=equipment.follow,
        tape=deck,
    )


def resolve_offer(
    options: Options, known: Catalogue | None = None, *, deck: OpenTape | None = None
) -> Resolved:
    """Choose the offer that options, a tape or the environment names."""
    known = known or catalogue()
    options = follow_recording(options, deck).with_provider(known)
    provider = options.provider or _env("GLM_PROVIDER")
    base_url = options.base_url or _env("GLM_BASE_URL")
    from_env = _env("GLM_MODEL") if options.model is None else None
    dropped = from_env is not None and not base_url and _lacks(known, options.provider, from_env)
    choice = resolve(
        known,
        model=options.model or (None if dropped else from_env),
        provider=provider,
        base_url=None if provider == LOCAL and not options.base_url else base_url,
        has_key=lambda info: find_key(info, own_only=True) is not None,
        local_available=local.available,
    )
    if choice.offer.provider.name == LOCAL and not options.base_url:
        return replace(choice, offer=_with_local_model(choice.offer, deck))
    if dropped:
        text = f"{choice.offer.provider.title} does not have {from_env}, which GLM_MODEL names"
        return replace(choice, notices=(*choice.notices, Notice("other-model", text)))
    return choice


def _with_local_model(offer: Offer, deck: OpenTape | None) -> Offer:
    """Return the local offer with the model that spoke on the tape, or would run here."""
    spoke = recorded_model(deck, LOCAL)
    model = selected_model() if spoke is None else named_model(spoke)
    info = ModelInfo(model.name, model.title)
    return replace(offer, model=info, wire_id=model.name, functions=model.functions)


def _env(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _lacks(known: Catalogue, provider: str | None, model: str) -> bool:
    """Whether a provider that the caller named is a service that does not have a model."""
    info = known.providers.get(provider or "")
    if info is None or info.self_hosted:
        return False
    named, bare = split_model(known, None, model)
    listed = find_model(known, (bare or model).removeprefix(info.model_prefix))
    elsewhere = named not in (None, info.name)
    return elsewhere or listed is None or (info.name, listed.id) not in known.offers


def _reachable(offer: Offer, options: Options) -> tuple[Offer, Secret | None]:
    """Return the offer at an address that answers, and the key that it wants."""
    provider = offer.provider
    if provider.name == LOCAL and not options.base_url:
        server = local.start()
        own = replace(provider, base_url=server.base_url)
        return replace(offer, provider=own, context=server.context), server.secret
    if not provider.self_hosted:
        return offer, require_key(provider, options.api_key)
    return offer, find_key(provider, options.api_key)


def _about(offer: Offer, live: bool) -> tuple[Notice, ...]:
    if offer.provider.name != LOCAL:
        return ()
    title = offer.model.title if live else f"{offer.model.title.partition(',')[0]}, a small model"
    return (Notice("local", f"{title}; expect mistakes"),)
