"""What a caller may set for one prompt: each option is written once, as a field of `Options`.

A field carries the ways to write it: on a magic line (`LineOption`) and as a keyword of the Python
API (`Keyword`). Parser, help, tables of the documentation, completion, the check of the keywords
and their docstring all read these rows, so a new option is one field. What concerns the display
alone is added by the magic, in a subclass.

A prompt's options come from several levels: the line or call, then its session, then the
configuration. `Options.layered` lays them over each other, once for each prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from ..catalogue.load import Catalogue
from ..catalogue.lookup import find_model, split_model
from ..core.address import BaseUrl
from ..core.attachments import Attachment
from ..core.secret import Secret
from ..core.thinking import THINKING_WORDS, Thinking, thinking_of
from ..core.turn import Given
from ..tools.tool import Approve
from .attachments import attachments_of
from .checks import (
    APPROVAL,
    COUNT,
    COUNT_OR_SWITCH,
    DURATION,
    KEY,
    LIST,
    MAPPING,
    NAMES,
    SWITCH,
    TEXT,
    THINKING,
    Kind,
)
from .tapes import TapeSetting

WEB_SEARCH = "web_search"
"""Name of the tool that BigModel and Z.ai run themselves."""

Reads = Literal[
    "attachment",
    "flag",
    "text",
    "file",
    "choice",
    "number",
    "integer",
    "count",
    "switch",
    "pair",
    "name",
    "think",
    "speed",
    "tape",
]
Completes = Literal[
    "", "model", "provider", "session", "name", "function", "server", "tape", "parameter", "speed",
    "@file", "file",
]  # fmt: skip
Group = Literal["model", "request", "display", "tools", "run", "tape", "notebook"]

GROUPS: tuple[Group, ...] = ("model", "request", "display", "tools", "run", "tape", "notebook")
"""The order of the options in the help, whichever class they belong to."""

_LINE, _KEYWORDS = "line", "keywords"
"""Keys of a field's metadata."""


@dataclass(frozen=True, slots=True)
class LineOption:
    """How an option is written on a magic line."""

    flags: tuple[str, ...]
    reads: Reads
    """What the word after it has to be; ``"flag"`` takes none."""
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    value: Any = True
    """What the flag alone sets."""
    repeats: bool = False
    parameter: bool = False
    """Whether it sets the body parameter of its name rather than the whole field."""
    completes: Completes = ""
    group: Group = "request"
    field: str = ""
    """Name of the field that carries the row; filled by `line_options`."""

    @property
    def takes_value(self) -> bool:
        """Whether the next word belongs to the option."""
        return self.reads != "flag"

    @property
    def name(self) -> str:
        """The option as it is named in messages."""
        return self.flags[-1]

    @property
    def body_key(self) -> str:
        """The body parameter that it sets."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def usage(self) -> str:
        """The option as it is written, with the name of its value."""
        flags = ", ".join(self.flags)
        return f"{flags} {self.metavar}" if self.metavar else flags


@dataclass(frozen=True, slots=True)
class Keyword:
    """How an option is written as a keyword of the Python API."""

    name: str
    type: str
    """As the docstring has it."""
    help: str
    kind: Kind | None = None
    """``None``: any value, or one that the catalogue checks."""
    parameter: bool = False
    """Whether it sets the body parameter of its name rather than the whole field."""
    convert: Callable[[Any], Any] = lambda value: value
    """The value as the field holds it."""
    field: str = ""
    """Name of the field that carries the row; filled by `keywords_of`."""


def option(
    *rows: LineOption | Keyword,
    group: Group = "request",
    default: Any = None,
    default_factory: Callable[[], Any] | None = None,
) -> Any:
    """Return a dataclass field that carries the ways to write its option."""
    line = tuple(replace(row, group=group) for row in rows if isinstance(row, LineOption))
    keywords = tuple(row for row in rows if isinstance(row, Keyword))
    metadata = {_LINE: line, _KEYWORDS: keywords}
    if default_factory is not None:
        return field(default_factory=default_factory, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one prompt; ``None`` leaves a thing to the session, environment or provider."""

    model: str | None = option(
        LineOption(("-m", "--model"), "text",
                   "model to ask: a name, an alias or provider/model", "NAME", completes="model"),
        Keyword("model", "str", "A model id, an alias, or ``provider/model``; by default "
                "``GLM_MODEL``, then the provider's default.", TEXT),
        group="model",
    )  # fmt: skip
    provider: str | None = option(
        LineOption(("-p", "--provider"), "text", "where to ask it", "NAME", completes="provider"),
        Keyword("provider", "str", "A provider's name; by default ``GLM_PROVIDER``, then the first "
                "one with a key.", TEXT),
        group="model",
    )  # fmt: skip
    base_url: str | None = option(
        Keyword("base_url", "str", "Replaces the provider's address; by default ``GLM_BASE_URL``.",
                TEXT, convert=BaseUrl),
    )  # fmt: skip
    api_key: Secret | None = option(
        Keyword("api_key", "str", "The key; by default from the environment, the keyring or a "
                "``.env`` file. It is never stored.", KEY),
    )  # fmt: skip
    system: str | None = option(
        LineOption(("-s", "--system"), "file", "system prompt of this turn, or a file with it",
                   "TEXT|@FILE", completes="@file"),
        Keyword("system", "str", "The system message; by default none is sent.", TEXT),
    )  # fmt: skip
    attach: tuple[Attachment, ...] = option(
        LineOption(("--attach",), "attachment",
                   "show the model this picture or file, or one at an address (repeatable)",
                   "FILE|URL", repeats=True, completes="file"),
        Keyword("attach", "object or list", "Pictures and files for the model to see: a matplotlib "
                "figure, a PIL image, an array, the path or the content of a file, or an address. "
                "A text file joins the prompt.", convert=attachments_of),
        default=(),
    )  # fmt: skip
    thinking: Thinking = option(
        LineOption(("--think",), "think",
                   "ask for thinking: on (also without a word), off, auto or an effort level",
                   "[on|off|auto|LEVEL]", THINKING_WORDS),
        LineOption(("--no-think",), "flag", "ask for no thinking", value=False),
        Keyword("thinking", "bool or str", 'True, False, ``"auto"`` or an effort level; by default '
                "the provider decides.", THINKING, convert=thinking_of),
        group="model",
    )  # fmt: skip
    prefill: str | None = option(
        LineOption(("--prefill",), "text", "begin the reasoning with this text", "TEXT"),
        Keyword("prefill", "str", "What the reasoning begins with; the model goes on there.", TEXT),
    )
    think_tokens: int | None = option(
        LineOption(("--think-tokens",), "count", "most tokens of thinking, then the answer", "N"),
        Keyword("think_tokens", "int", "The most tokens of thinking; then comes the answer.",
                COUNT),
    )  # fmt: skip
    wait: int | None = option(
        LineOption(("--wait",), "count",
                   "make it think on so many times when it would stop", "K"),
        Keyword("wait", "int", "How often the model is made to think on when it would stop; each "
                "time takes a request.", COUNT),
    )  # fmt: skip
    given: Given | None = None
    """Where `prefill` comes from, for a turn that is thought again."""
    preserve: bool | None = None
    """Whether reasoning of earlier turns goes back with every request."""
    parameters: Mapping[str, Any] = option(
        LineOption(("-t", "--temperature"), "number", "sampling temperature", "X", parameter=True),
        LineOption(("--top-p",), "number", "nucleus sampling", "X", parameter=True),
        LineOption(("--top-k",), "integer", "sample from the K likeliest tokens", "K",
                   parameter=True),
        LineOption(("--max-tokens",), "integer", "longest reply, tokens", "N", parameter=True),
        LineOption(("--seed",), "integer", "seed of the sampling", "N", parameter=True),
        LineOption(("--stop",), "text", "end the answer at this text (repeatable)", "TEXT",
                   repeats=True, parameter=True),
        LineOption(("--param",), "pair",
                   "any other parameter of the request; the value is JSON (repeatable)", "K=V",
                   completes="parameter"),
        Keyword("temperature", "float", "Sampling temperature; the provider's range is checked "
                "before anything is sent.", parameter=True),
        Keyword("top_p", "float", "Nucleus sampling; checked likewise.", parameter=True),
        Keyword("max_tokens", "int", "The most tokens to generate.", parameter=True),
        Keyword("params", "mapping", "Any other key of the request body.", MAPPING),
        default_factory=dict,
    )  # fmt: skip
    """Body parameters that the caller set, nothing else."""
    logprobs: bool | int | None = option(
        LineOption(("--logprobs",), "switch",
                   "keep how probable each token was, and the K likeliest in its place; 5 by"
                   " default", "[K]"),
        Keyword("logprobs", "bool or int", "True or a number K keeps how probable each token was, "
                "and the K likeliest in its place (5 for True): ``reply.tokens``.",
                COUNT_OR_SWITCH),
    )  # fmt: skip
    tools: Sequence[Any] = option(
        LineOption(("--tool",), "text", "let the model call this Python function (repeatable)",
                   "NAME", repeats=True, completes="function"),
        Keyword("tools", "sequence", "Python functions that the model may call: their type hints "
                "and docstrings are sent, the calls are made, and the model continues with what "
                "they return. A schema in the OpenAI form (a dict) is sent as it is; its calls are "
                'in ``reply.tool_calls``, for the caller to make. ``"web_search"`` is the search '
                "that BigModel and Z.ai run; its pages are in ``reply.links``.", LIST,
                convert=tuple),
        group="tools",
        default=(),
    )  # fmt: skip
    """Functions, tools of a server, or schemas in the OpenAI form; names until they are looked
    up."""
    schema: Any = option(
        LineOption(("--schema",), "text", "answer in the shape of this class or schema", "NAME",
                   completes="name"),
        Keyword("schema", "type or dict", "The shape of the answer: a pydantic model, a dataclass, "
                "a TypedDict, a type such as ``list[Model]``, or a JSON schema. ``reply.value`` is "
                "then the object; an answer that does not fit is asked for once more."),
        group="tools",
    )  # fmt: skip
    mcp: tuple[str, ...] = option(
        LineOption(("--mcp",), "text", "let the model use this MCP server (repeatable)", "NAME",
                   repeats=True, completes="server"),
        Keyword("mcp", "sequence of str", "Servers whose tools the model may call as well, by the "
                "names that `add_mcp` gave them.", NAMES, convert=tuple),
        group="tools",
        default=(),
    )  # fmt: skip
    approve: bool | Approve | None = option(
        LineOption(("--approve",), "flag", "ask before each tool call"),
        Keyword("approve", "bool or callable", "True asks the user before each call; a callable "
                "takes name and arguments and returns whether to make it.", APPROVAL),
        group="tools",
    )  # fmt: skip
    parallel: bool | None = option(
        LineOption(("--parallel",), "flag", "let several calls of one round run at the same time"),
        Keyword("parallel", "bool", "True lets the calls of one round run at the same time, each "
                "in its own thread.", SWITCH),
        group="tools",
    )  # fmt: skip
    max_rounds: int | None = option(
        LineOption(("--max-rounds",), "count", "most rounds of tool calls; 8 by default", "N"),
        Keyword("max_rounds", "int", "The most rounds of such calls; 8 by default.", COUNT),
        group="tools",
    )  # fmt: skip
    tool_timeout_s: float | None = option(
        Keyword("tool_timeout_s", "float", "How long one call may take, in seconds, before the "
                "model is told that there is no result; 300 by default.", DURATION),
    )  # fmt: skip
    idle_timeout_s: float | None = option(
        Keyword("idle_timeout_s", "float", "Silence, in seconds, after which the reply is given "
                "up; 300 by default.", DURATION),
    )  # fmt: skip
    tape: TapeSetting | None = option(
        LineOption(("--record",), "tape", "write the reply to a tape, with its times", "FILE",
                   value="record", completes="tape"),
        LineOption(("--replay",), "tape", "answer from a tape, without key or network", "FILE",
                   value="replay", completes="tape"),
        group="tape",
    )  # fmt: skip
    """The tape that this call goes through; ``None``: the inserted one, or ``GLM_TAPE``."""
    with_attachments: bool | None = option(
        LineOption(("--with-attachments",), "flag",
                   "put pictures and files on the tape, rather than their hash alone"),
        group="tape",
    )  # fmt: skip
    speed: float | None = option(
        LineOption(("--speed",), "speed",
                   "rhythm of a replay: 1 as recorded, 2 twice as fast, max without waiting",
                   "X|max", completes="speed"),
        group="tape",
    )  # fmt: skip
    """Speed of a replay; ``None``: as the tape has it."""

    @staticmethod
    def layered(catalogue: Catalogue, *levels: Options) -> Options:
        """Return levels of options laid over each other, the first one on top.

        A provider that is named above a model leaves that model out unless it serves it, so that
        ``-p`` alone asks the provider's own default; ``provider/model`` names both.
        """
        result = Options()
        for level in levels:
            below = level.with_provider(catalogue)
            provider_alone = result.provider if result.model is None else None
            if provider_alone and not _serves(provider_alone, below, catalogue):
                below = replace(below, model=None)
            result = result.over(below)
        return result

    def over(self, below: Options) -> Options:
        """Return these options, with those of `below` wherever these set nothing."""
        values = {name: getattr(self, name) for name in _NAMES}
        unset = [name for name, value in values.items() if value in (None, (), {})]
        values |= {name: getattr(below, name) for name in unset}
        values["parameters"] = {**below.parameters, **self.parameters}
        return Options(**values)

    def with_provider(self, catalogue: Catalogue) -> Options:
        """Return these options with ``provider/model`` written as provider and model."""
        provider, model = split_model(catalogue, self.provider, self.model)
        if (provider, model) == (self.provider, self.model):
            return self
        return replace(self, provider=provider, model=model)


_NAMES = tuple(of.name for of in fields(Options))


def _serves(provider: str, below: Options, catalogue: Catalogue) -> bool:
    """Whether a provider named above has the model that is named below."""
    info = catalogue.providers.get(provider)
    model = find_model(catalogue, below.model) if below.model else None
    if info is None or info.self_hosted or model is None:
        return info is None or below.provider in (None, provider)
    return (info.name, model.id) in catalogue.offers


def line_options(cls: type[Options]) -> tuple[LineOption, ...]:
    """Return the options of a magic line in the order of `GROUPS`."""
    rows: Iterable[LineOption] = (
        replace(row, field=of.name) for of in fields(cls) for row in of.metadata.get(_LINE, ())
    )
    return tuple(sorted(rows, key=lambda row: GROUPS.index(row.group)))


def _keywords() -> Mapping[str, Keyword]:
    rows = ((of.name, row) for of in fields(Options) for row in of.metadata.get(_KEYWORDS, ()))
    return {row.name: replace(row, field=name) for name, row in rows}


KEYWORDS = _keywords()
"""The keywords of the Python API, by name."""
