"""The keyword options that every way of asking takes, written down once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, get_type_hints

from ..core.errors import InvalidValueError
from ..core.messages import ROLES, Message, Thinking, ToolCall
from ..core.secret import Secret
from ..tools.tool import Approve
from .checks import check_kinds
from .options import Options

F = TypeVar("F", bound=Callable[..., Any])

Prompt = str | Sequence[Mapping[str, Any] | Message]
"""A question, or a whole conversation as messages with ``role`` and ``content``."""


class AskKeywords(TypedDict, total=False):
    """Options of one question; what is left out is not sent."""

    model: str | None
    provider: str | None
    base_url: str | None
    api_key: str | Secret | None
    system: str | None
    thinking: Thinking
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    tools: Sequence[Any] | None
    mcp: Sequence[str] | None
    max_rounds: int | None
    approve: bool | Approve | None
    parallel: bool | None
    tool_timeout_s: float | None
    schema: Any
    params: Mapping[str, Any] | None
    idle_timeout_s: float | None


_DOC = """
    Parameters
    ----------
    prompt : str or sequence of messages
        The question, or a whole conversation as dicts with ``role`` and ``content``.
    model : str, optional
        A model id, an alias, or ``provider/model``; by default ``GLM_MODEL``, then the provider's
        newest.
    provider : str, optional
        A provider's name; by default ``GLM_PROVIDER``, then the first one whose key is found.
    base_url : str, optional
        Replaces the provider's address; by default ``GLM_BASE_URL``.
    api_key : str, optional
        The key; by default from the environment, a ``.env`` file or the keyring; never stored.
    system : str, optional
        The system message; none is sent without it.
    thinking : bool or str, optional
        True, False, ``"auto"`` or an effort level; by default the provider decides.
    temperature, top_p : float, optional
        Sampling; the provider's ranges are checked before anything is sent.
    max_tokens : int, optional
        The most tokens to generate.
    tools : sequence, optional
        Python functions, which the model may call: their type hints and docstrings are sent, the
        calls are made, and the model goes on with what they return. A schema in the OpenAI form (a
        dict) is sent as it is; its calls are in ``reply.tool_calls``, for the caller to make.
        ``"web_search"`` is BigModel's and Z.ai's own search; its pages are in ``reply.links``.
    mcp : sequence of str, optional
        Servers whose tools the model may call as well, by the names that `add_mcp` gave them.
    max_rounds : int, optional
        The most rounds of such calls; 8 by default.
    approve : bool or callable, optional
        True asks before each call; a callable takes name and arguments and says whether it may be.
    parallel : bool, optional
        True lets the calls of one round run at the same time, each in a thread of its own.
    tool_timeout_s : float, optional
        How long one call may take, in seconds, before the model is told that there is no result;
        300 by default.
    schema : type or dict, optional
        The shape of the answer: a pydantic model, a dataclass, a TypedDict, a type such as
        ``list[Model]``, or a JSON schema. ``reply.value`` is then the object; an answer that does
        not fit is asked for once more.
    params : mapping, optional
        Any other key of the request body.
    idle_timeout_s : float, optional
        Silence, in seconds, after which the reply is given up; 300 by default.
"""


def to_options(asking: AskKeywords) -> Options:
    """Return the options that a caller's keywords mean.

    Raises
    ------
    TypeError
        There is no such keyword.
    InvalidValueError
        A value is of another kind than its option takes.
    """
    check_kinds(seal_key(asking), AskKeywords.__annotations__)
    sampling = {name: asking.get(name) for name in ("temperature", "top_p", "max_tokens")}
    parameters = {name: value for name, value in sampling.items() if value is not None}
    return Options(
        model=asking.get("model"),
        provider=asking.get("provider"),
        base_url=asking.get("base_url"),
        api_key=asking.get("api_key"),  # type: ignore[arg-type]  # sealed above
        system=asking.get("system"),
        thinking=asking.get("thinking"),
        parameters={**parameters, **(asking.get("params") or {})},
        tools=tuple(asking.get("tools") or ()),
        schema=asking.get("schema"),
        mcp=tuple(asking.get("mcp") or ()),
        max_rounds=asking.get("max_rounds"),
        approve=asking.get("approve"),
        parallel=asking.get("parallel"),
        tool_timeout_s=asking.get("tool_timeout_s"),
        idle_timeout_s=asking.get("idle_timeout_s"),
    )


def messages_of(prompt: Prompt) -> tuple[Message, ...]:
    """Return a prompt as messages.

    Raises
    ------
    InvalidValueError
        It is neither a text nor a sequence of messages that ends with the user's.
    """
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    messages = tuple(_message(item) for item in prompt) if isinstance(prompt, (list, tuple)) else ()
    if not messages or messages[-1].role not in ("user", "tool"):
        raise InvalidValueError(
            "a conversation has to end with a message of the user",
            hint='add {"role": "user", "content": …} as the last one',
        )
    return messages


def _message(item: Mapping[str, Any] | Message) -> Message:
    if isinstance(item, Message):
        return item
    given = item if isinstance(item, Mapping) else {}
    role, content, calls = given.get("role"), given.get("content"), given.get("tool_calls") or ()
    if content is None and calls:
        content = ""  # an assistant that only calls tools has no text
    if role not in ROLES or not isinstance(content, str):
        raise InvalidValueError(
            f"this is not a message: {str(item)[:80]}",
            hint=f"a message is a dict with role ({', '.join(ROLES)}) and content, a text",
        )
    return Message(
        role,
        content,
        reasoning=given.get("reasoning_content") or given.get("reasoning") or "",
        tool_calls=tuple(_call(call) for call in calls),
        tool_call_id=given.get("tool_call_id"),
    )


def _call(call: Any) -> ToolCall:
    try:
        function = call["function"]
        return ToolCall(str(call["id"]), str(function["name"]), str(function["arguments"]))
    except (KeyError, TypeError):
        raise InvalidValueError(
            f"this is not a tool call: {str(call)[:80]}",
            hint="it needs an id and a function with name and arguments, as the reply had them",
        ) from None


def with_ask_keywords(function: F) -> F:
    """Write the options into a function's signature and docstring, for help and completion."""
    hints = get_type_hints(AskKeywords)
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [inspect.Parameter(n, keyword, default=None, annotation=hints[n]) for n in hints]
    signature = inspect.signature(function)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    function.__signature__ = signature.replace(parameters=[*named, *options])  # type: ignore[attr-defined]
    head, mark, tail = (function.__doc__ or "").partition("\n    Returns\n")
    function.__doc__ = f"{head.rstrip()}\n{_DOC}{mark}{tail}"
    return _sealing(function)


def seal_key(asking: AskKeywords) -> AskKeywords:
    """Make the key that a caller gave a `Secret`, in place, so that no traceback shows it."""
    if isinstance(asking.get("api_key"), str):
        asking["api_key"] = Secret(str(asking["api_key"]), "api_key")
    return asking


def _sealing(function: F) -> F:
    """Return `function` with the key sealed before it is called."""

    @functools.wraps(function)
    def sealed(*args: Any, **asking: Any) -> Any:
        seal_key(asking)  # type: ignore[arg-type]
        return function(*args, **asking)

    @functools.wraps(function)
    async def sealed_async(*args: Any, **asking: Any) -> Any:
        seal_key(asking)  # type: ignore[arg-type]
        return await function(*args, **asking)

    return sealed_async if inspect.iscoroutinefunction(function) else sealed  # type: ignore[return-value]
