"""Messages and options -> a request that is ready to send.

The order matters. A tape decides first who is asked; then the provider's abilities decide what
becomes of the schema and the tools; then values are checked and the request is encoded. Whatever
is refused is refused here, before a local server is started, a key is read or anything is sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import local
from ..catalogue import load
from ..catalogue.load import Catalogue
from ..catalogue.lookup import has_model, split_model
from ..catalogue.parameters import ParameterRule
from ..catalogue.resolve import LOCAL, Resolved, resolve
from ..catalogue.schema import ModelInfo, Offer, ProviderInfo
from ..core.i18n import tr
from ..core.messages import Message, Request
from ..core.secret import Secret
from ..core.turn import Notice
from ..credentials import PLACES, key_for, key_notices, look_up
from ..dialects import DIALECTS
from ..local.models import named_model, selected_model
from ..wire.request import IDLE_TIMEOUT_S, WireRequest
from ..wire.tape.errors import not_on_tape
from ..wire.tape.matching import RequestKey
from ..wire.tape.tape import OpenTape
from .attachments import left_out_notices, size_of, with_attachments
from .checks import check_request
from .options import Options
from .prepared import PreparedRequest
from .structured import SchemaRequest, apply_schema
from .tapes import open_tape
from .thought import set_up_thought
from .token_figures import token_parameters
from .tool_setup import ToolSetup, set_up_tools


def prepare(
    messages: Sequence[Message],
    options: Options,
    *,
    catalogue: Catalogue | None = None,
    start_local: bool = True,
) -> PreparedRequest:
    """Choose the offer, check one prompt against it and encode it; nothing is sent.

    Parameters
    ----------
    messages : sequence of Message
        The context, ending with the prompt.
    options : Options
        What the caller set, with the levels already laid over each other.
    catalogue : Catalogue, optional
        The catalogue, where the caller has it already.
    start_local : bool
        False leaves the local server alone and does without a key, for a look at the request.

    Raises
    ------
    RefusedError
        Anything that is known not to work, before anything is sent.
    """
    if options.attach:
        messages = (*messages[:-1], with_attachments(messages[-1], options.attach))
    tape = open_tape(options.tape, options.speed)
    if tape is not None and options.with_attachments:
        tape = replace(tape, keeps_contents=True)
    choice = resolve_offer(options, catalogue, tape)
    offer, key = choice.offer, None
    answer = SchemaRequest(options)
    if options.schema is not None:
        answer = apply_schema(options, offer)
        options = answer.options
    if options.system:
        messages = (Message("system", options.system), *messages)
    tools = ToolSetup(parameters=options.parameters)
    if options.tools or options.mcp or answer.schema:
        tools = set_up_tools(options, offer, answer.schema)
    dialect = DIALECTS[offer.provider.dialect]
    parameters = {**token_parameters(options.logprobs, offer), **tools.parameters}
    thought = set_up_thought(replace(options, parameters=parameters), offer, dialect)
    request = check_request(
        offer,
        messages,
        thinking=options.thinking,
        parameters=thought.options.parameters,
        tools=tools.schemas,
    )
    request = replace(request, preserve=options.preserve, beginning=thought.beginning)
    wire = dialect.encode(request, offer)
    is_live = not start_local or _needs_provider(tape, offer, wire)
    reached: tuple[Notice, ...] = ()
    if is_live:
        if offer.provider.name == LOCAL and not options.base_url:
            if start_local:
                offer, key = _started(offer)
                wire = dialect.encode(request, offer)
        else:
            there = key_for(choice, options.api_key, needed=start_local)
            key = there.secret
            reached = key_notices(there, offer.provider, is_sent=start_local)
    return PreparedRequest(
        prompt=messages[-1].content,
        offer=offer,
        dialect=dialect,
        request=request,
        wire=wire,
        size=size_of(request, wire, offer),
        key=key,
        notices=(
            *choice.notices,
            *answer.notices,
            *_parameter_notices(request, offer),
            *left_out_notices(request, offer),
            *_local_notices(offer, is_live),
            *reached,
        ),
        idle_timeout_s=options.idle_timeout_s or IDLE_TIMEOUT_S,
        tool_plan=tools.plan,
        thought_plan=thought.plan,
        given=thought.given,
        tape=tape,
        is_live=is_live,
        attachments=messages[-1].attachments,
    )


def resolve_offer(
    options: Options, catalogue: Catalogue | None = None, tape: OpenTape | None = None
) -> Resolved:
    """Choose the offer that options, a tape or the environment names.

    Raises
    ------
    UnknownNameError
        There is no such provider or model.
    MissingKeyError
        Nothing is configured: no key, no address, no local model.
    """
    catalogue = catalogue or load.catalogue()
    if tape is not None and tape.replays:
        options = _follow_recording(options, tape)
    options = options.with_provider(catalogue)
    provider = options.provider or _env("GLM_PROVIDER")
    base_url = options.base_url or _env("GLM_BASE_URL")
    from_env = _env("GLM_MODEL") if options.model is None else None
    dropped = (
        from_env is not None and not base_url and _lacks(catalogue, options.provider, from_env)
    )
    choice = resolve(
        catalogue,
        model=options.model or (None if dropped else from_env),
        provider=provider,
        # GLM_BASE_URL is the address of a service, not of the server started here
        base_url=None if provider == LOCAL and not options.base_url else base_url,
        has_key=lambda info: look_up(info, own_only=True) is not None,
        key_order=_key_order,
        local_available=local.available,
    )
    if choice.offer.provider.name == LOCAL and not options.base_url:
        return replace(choice, offer=_with_local_model(choice.offer, tape))
    if dropped:
        text = tr(
            "{provider} does not have {model}, which GLM_MODEL names",
            provider=choice.offer.provider.title,
            model=from_env,
        )
        return replace(choice, notices=(*choice.notices, Notice("other-model", text)))
    return choice


def _key_order(info: ProviderInfo) -> int:
    """Return how far back a provider's own key was found: a file never goes before a variable."""
    there = look_up(info, own_only=True)
    return PLACES.index(there.place) if there is not None else len(PLACES)


def _with_local_model(offer: Offer, tape: OpenTape | None) -> Offer:
    """Return the local offer with the model that the tape recorded, or that would run here."""
    recorded = _recorded_model(tape, LOCAL) if tape is not None and tape.replays else None
    model = selected_model() if recorded is None else named_model(recorded)
    info = ModelInfo(model.name, model.title)
    stops = {"stop": model.params["antiprompt"]} if "antiprompt" in model.params else {}
    facts: dict[str, Any] = {"functions": model.functions, "images": "no", "defaults": stops}
    return replace(offer, model=info, wire_id=model.name, **facts)


def _env(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _lacks(catalogue: Catalogue, provider: str | None, model: str) -> bool:
    """Whether a provider that the caller named is a service that does not have a model."""
    info = catalogue.providers.get(provider or "")
    if info is None or info.self_hosted:
        return False
    named, bare = split_model(catalogue, None, model)
    return named not in (None, info.name) or not has_model(catalogue, info, bare or model)


def _started(offer: Offer) -> tuple[Offer, Secret]:
    """Return the offer at the address of the server on this computer, and the key of its start."""
    server = local.start()
    here = replace(offer.provider, base_url=server.base_url)
    return replace(offer, provider=here, context=server.context), server.secret


def _local_notices(offer: Offer, is_live: bool) -> tuple[Notice, ...]:
    if offer.provider.name != LOCAL:
        return ()
    title = offer.model.title
    if not is_live:  # how many bits the weights have here says nothing about a recorded reply
        title = tr("{model}, a small model", model=title.partition(",")[0])
    return (Notice("local", tr("{model}; expect mistakes", model=title)),)


def _follow_recording(options: Options, tape: OpenTape) -> Options:
    """Return options that ask the provider and model of the tape, unless they name others.

    So a lesson replays the same whatever keys and variables a student's computer has.
    """
    recorded = [(entry.asked.provider, entry.asked.model) for entry in tape.tape.entries]
    named = (options.model or "").rpartition("/")[2]
    for provider, model in recorded:
        bare = model.rpartition("/")[2]
        if options.provider in (None, provider) and named in ("", bare):
            listed = None if provider == LOCAL else model  # what runs locally has no listed name
            return replace(options, provider=provider, model=options.model or listed)
    return options


def _recorded_model(tape: OpenTape, provider: str) -> str | None:
    """Return the first model of a provider on the tape."""
    requests = (entry.asked for entry in tape.tape.entries)
    return next((asked.model for asked in requests if asked.provider == provider), None)


def _needs_provider(tape: OpenTape | None, offer: Offer, wire: WireRequest) -> bool:
    """Whether a request needs a key or a server: not where the tape answers it."""
    if tape is None:
        return True
    request = RequestKey.of(offer.provider.name, wire.body)
    if tape.answers(request):
        return False
    if tape.only_replays:
        raise not_on_tape(tape.tape.path, request, tape.tape.nearest(request))
    return True


def _parameter_notices(request: Request, offer: Offer) -> Iterable[Notice]:
    """Yield notices about parameters that are sent, though they may not do what they are for.

    They are those that the provider's documentation does not name or advises against, and those
    that the model does not follow there.
    """
    parameters, rules = request.parameters, offer.provider.parameters
    yield from _advice(request, rules, offer)
    if parameters.get("tool_stream") is True and offer.tool_stream == "no":
        text = tr(
            "tool_stream has no effect: {model} at {provider} sends arguments in one piece",
            model=offer.model.id,
            provider=offer.provider.title,
        )
        yield Notice("no-tool-stream", text)
    unlisted = [name for name in parameters if name not in rules]
    if unlisted and rules and not offer.provider.self_hosted:
        text = tr(
            "{names}: not in {provider}'s list of parameters, so it may be ignored",
            names=", ".join(unlisted),
            provider=offer.provider.title,
        )
        yield Notice("unlisted-parameter", text)


def _advice(request: Request, rules: Mapping[str, ParameterRule], offer: Offer) -> Iterable[Notice]:
    parameters, title = request.parameters, offer.provider.title
    for name in parameters:
        rule = rules.get(name)
        if rule is None:
            continue
        if rule.not_with in parameters:
            text = tr(
                "{provider} advises to set {name} or {other}, not both",
                provider=title,
                name=name,
                other=rule.not_with,
            )
            yield Notice("not-both", text)
        if rule.word and _is_json_mode(parameters[name]) and not _has_word(request, rule.word):
            text = tr(
                "{provider} asks for the word {word} in the prompt where {name} is set",
                provider=title,
                word=rule.word,
                name=name,
            )
            yield Notice("word-missing", text)


def _is_json_mode(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "json_object"


def _has_word(request: Request, word: str) -> bool:
    return any(word.lower() in message.content.lower() for message in request.messages)
