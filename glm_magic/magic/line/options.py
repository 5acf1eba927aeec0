"""The options of ``%%glm``: one table, from which parsing, help, completion and the README come.

A new option is one row of `OPTIONS` naming the field of `MagicOptions` that it fills.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ...core.messages import EFFORT_LEVELS, Thinking
from ...views.options import Format, Hold, ShowThinking

Kind = Literal[
    "flag", "text", "file", "choice", "number", "integer", "pair", "name", "think", "speed"
]
Completes = Literal["", "model", "provider", "session", "name", "function", "server", "tape"]

THINKING_WORDS = ("on", "off", "auto", *EFFORT_LEVELS)
SHOW_THINKING = ("auto", "open", "closed", "hide")
FORMATS = ("markdown", "text", "json", "code")


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table."""

    flags: tuple[str, ...]
    field: str
    """Field of `MagicOptions`, or the body parameter's name when `parameter` is set."""
    kind: Kind
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    value: Any = True
    """What a flag sets."""
    repeats: bool = False
    parameter: bool = False
    completes: Completes = ""

    @property
    def takes_value(self) -> bool:
        """Whether the next word belongs to the option."""
        return self.kind != "flag"

    @property
    def name(self) -> str:
        """The option as it is named in messages."""
        return self.flags[-1]

    @property
    def usage(self) -> str:
        """The option as it is written, with the name of its value."""
        flags = ", ".join(self.flags)
        return f"{flags} {self.metavar}" if self.metavar else flags


@dataclass(slots=True)
class MagicOptions:
    """What one magic line says; ``None`` and empty mean that it says nothing."""

    model: str | None = None
    provider: str | None = None
    thinking: Thinking = None
    show_thinking: ShowThinking | None = None
    system: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    """Body parameters that the user set, nothing else."""
    format: Format | None = None
    out: str | None = None
    session: str | None = None
    new: bool = False
    history: bool = True
    tool: tuple[str, ...] = ()
    schema: str | None = None
    mcp: tuple[str, ...] = ()
    approve: bool = False
    parallel: bool = False
    max_rounds: int | None = None
    compare: tuple[str, ...] = ()
    bg: bool = False
    hold: Hold | None = None
    budget: str | None = None
    record: str | None = None
    replay: str | None = None
    speed: float | None = None
    raw: bool = False
    dry_run: bool = False
    quiet: bool = False
    help: bool = False
    prompt: str = ""
    """The start of the prompt, as typed on the line."""
    given: tuple[Option, ...] = ()
    """The options that were written, in order."""


OPTIONS: tuple[Option, ...] = (
    Option(("-m", "--model"), "model", "text", "model to ask: a name, an alias or provider/model",
           "NAME", completes="model"),
    Option(("-p", "--provider"), "provider", "text", "where to ask it", "NAME",
           completes="provider"),
    Option(("--think",), "thinking", "think",
           "ask for thinking: on (also without a word), off, auto or an effort level",
           "[on|off|auto|LEVEL]", THINKING_WORDS),
    Option(("--no-think",), "thinking", "flag", "ask for no thinking", value=False),
    Option(("--show-thinking",), "show_thinking", "choice",
           "how the reasoning is shown; nothing about the request changes",
           "|".join(SHOW_THINKING), SHOW_THINKING),
    Option(("-R",), "show_thinking", "flag", "the same as --show-thinking hide", value="hide"),
    Option(("-s", "--system"), "system", "file", "system prompt of this turn, or a file with it",
           "TEXT|@FILE"),
    Option(("-t", "--temperature"), "temperature", "number", "sampling temperature", "X",
           parameter=True),
    Option(("--top-p",), "top_p", "number", "nucleus sampling", "X", parameter=True),
    Option(("--top-k",), "top_k", "integer", "sample from the K likeliest tokens", "K",
           parameter=True),
    Option(("--max-tokens",), "max_tokens", "integer", "longest reply, tokens", "N",
           parameter=True),
    Option(("--seed",), "seed", "integer", "seed of the sampling", "N", parameter=True),
    Option(("--stop",), "stop", "text", "end the answer at this text (repeatable)", "TEXT",
           repeats=True, parameter=True),
    Option(("--param",), "parameters", "pair",
           "any other parameter of the request; the value is JSON (repeatable)", "K=V"),
    Option(("-f", "--format"), "format", "choice",
           "how the answer is shown; code puts the first code block into a new cell",
           "|".join(FORMATS), FORMATS),
    Option(("-o", "--out"), "out", "name", "bind the reply to a variable", "NAME",
           completes="name"),
    Option(("-S", "--session"), "session", "text", "the conversation this turn belongs to", "NAME",
           completes="session"),
    Option(("--new",), "new", "flag", "start the conversation afresh"),
    Option(("--no-history",), "history", "flag", "neither read nor write the conversation",
           value=False),
    Option(("--tool",), "tool", "text", "let the model call this Python function (repeatable)",
           "NAME", repeats=True, completes="function"),
    Option(("--schema",), "schema", "text", "answer in the shape of this class or schema", "NAME",
           completes="name"),
    Option(("--mcp",), "mcp", "text", "let the model use this MCP server (repeatable)", "NAME",
           repeats=True, completes="server"),
    Option(("--approve",), "approve", "flag", "ask before each tool call"),
    Option(("--parallel",), "parallel", "flag",
           "let several calls of one round run at the same time"),
    Option(("--max-rounds",), "max_rounds", "integer", "most rounds of tool calls; 8 by default",
           "N"),
    Option(("--compare",), "compare", "text",
           "the same prompt in several lanes side by side, as think=on,off (repeatable)",
           "AXIS=a,b", repeats=True),
    Option(("--bg",), "bg", "flag", "return at once and keep streaming"),
    Option(("--hold",), "hold", "choice", "keep one part behind a button", "answer|thinking",
           ("answer", "thinking")),
    Option(("--budget",), "budget", "text", "refuse or stop when this would be passed", "AMOUNT"),
    Option(("--record",), "record", "text", "write the reply to a tape, with its times", "FILE",
           completes="tape"),
    Option(("--replay",), "replay", "text", "answer from a tape, without key or network", "FILE",
           completes="tape"),
    Option(("--speed",), "speed", "speed",
           "rhythm of a replay: 1 as recorded, 2 twice as fast, max without waiting", "X|max"),
    Option(("--raw",), "raw", "flag", "send the cell exactly as written"),
    Option(("--dry-run",), "dry_run", "flag", "show the request, key redacted, and send nothing"),
    Option(("-q", "--quiet"), "quiet", "flag", "show nothing; the reply is in _glm"),
    Option(("-h", "--help"), "help", "flag", "show this help"),
)  # fmt: skip

BY_FLAG: dict[str, Option] = {flag: option for option in OPTIONS for flag in option.flags}


def find_option(flag: str) -> Option | None:
    """Return the option with that flag; ``_`` and ``-`` mean the same in a long one."""
    if flag.startswith("--"):
        return BY_FLAG.get("--" + flag[2:].replace("_", "-"))
    return BY_FLAG.get(flag)
