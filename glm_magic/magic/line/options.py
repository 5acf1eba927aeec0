"""The options of a magic line: those of every prompt, and those that only a notebook has.

The rows of `MagicOptions` and of `Options`, which it extends, make one table. Parsing, help,
completion and the table of the documentation read it; a new option is one field with its row.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...core.turn import Notice
from ...engine.options import LineOption, Options, line_options, option
from ...views.options import FORMATS, SHOW_THINKING, Format, Hold, ShowThinking


@dataclass(frozen=True, slots=True)
class MagicOptions(Options):
    """What one magic line sets; ``None`` and empty mean that it sets nothing.

    `tools` and `schema` are names here, as they were typed; the workspace looks them up.
    """

    show_thinking: ShowThinking | None = option(
        LineOption(("--show-thinking",), "choice",
                   "how the reasoning is shown; nothing about the request changes",
                   "|".join(SHOW_THINKING), SHOW_THINKING),
        LineOption(("-R",), "flag", "the same as --show-thinking hide", value="hide"),
        group="model",
    )  # fmt: skip
    format: Format | None = option(
        LineOption(("-f", "--format"), "choice",
                   "how the answer is shown; code puts the first code block into a new cell",
                   "|".join(FORMATS), FORMATS),
        group="display",
    )  # fmt: skip
    out: str | None = option(
        LineOption(("-o", "--out"), "name", "bind the reply to a variable", "NAME",
                   completes="name"),
        group="display",
    )  # fmt: skip
    session: str | None = option(
        LineOption(("-S", "--session"), "text", "the conversation this turn belongs to", "NAME",
                   completes="session"),
        group="display",
    )  # fmt: skip
    new: bool = option(
        LineOption(("--new",), "flag", "start the conversation afresh"),
        group="display",
        default=False,
    )
    history: bool = option(
        LineOption(("--no-history",), "flag", "neither read nor write the conversation",
                   value=False),
        group="display",
        default=True,
    )  # fmt: skip
    compare: tuple[str, ...] = option(
        LineOption(("--compare",), "text",
                   "the same prompt in several lanes side by side, as think=on,off (repeatable)",
                   "AXIS=a,b", repeats=True),
        group="run",
        default=(),
    )  # fmt: skip
    bg: bool = option(
        LineOption(("--bg",), "flag", "return at once and keep streaming"),
        group="run",
        default=False,
    )
    hold: Hold | None = option(
        LineOption(("--hold",), "choice", "keep one part behind a button", "answer|thinking",
                   ("answer", "thinking")),
        group="run",
    )  # fmt: skip
    budget: str | None = option(
        LineOption(("--budget",), "text", "refuse or stop when this would be passed", "AMOUNT"),
        group="run",
    )
    rows: str | None = option(
        LineOption(("--map",), "text",
                   "ask about every row of this DataFrame or list; the cell has {column} in it",
                   "NAME", completes="name"),
        group="run",
    )  # fmt: skip
    jobs: int | None = option(
        LineOption(("--jobs",), "count",
                   "how many rows or samples are asked at a time; 8 by default", "N"),
        group="run",
    )  # fmt: skip
    on: str | None = option(
        LineOption(("--on",), "text",
                   "ask rows or samples on the workers of this Dask client", "NAME",
                   completes="name"),
        group="run",
    )  # fmt: skip
    samples: int | None = option(
        LineOption(("--samples",), "count",
                   "ask so many times, and count the answers; with --map each row", "N"),
        group="run",
    )  # fmt: skip
    keep: str | None = option(
        LineOption(("--name",), "text",
                   "keep the answers of --map or --samples for good, and use them again", "NAME"),
        group="run",
    )  # fmt: skip
    fresh: bool = option(
        LineOption(("--fresh",), "flag", "ask every row or sample again"),
        group="run",
        default=False,
    )
    above: bool = option(
        LineOption(("--above",), "flag",
                   "put the cells that ran before into the prompt, with short outputs and errors"),
        group="notebook",
        default=False,
    )  # fmt: skip
    raw: bool = option(
        LineOption(("--raw",), "flag", "send the cell exactly as written"),
        group="notebook",
        default=False,
    )
    dry_run: bool = option(
        LineOption(("--dry-run",), "flag", "show the request, key redacted, and send nothing"),
        group="notebook",
        default=False,
    )
    quiet: bool = option(
        LineOption(("-q", "--quiet"), "flag", "show nothing; the reply is in _glm"),
        group="notebook",
        default=False,
    )
    help: bool = option(
        LineOption(("-h", "--help"), "flag", "show this help"),
        group="notebook",
        default=False,
    )
    prompt: str = ""
    """The start of the prompt, as typed on the line."""
    inserted: tuple[str, ...] = ()
    """What was put into the options' values, as `Interpolated` lists it."""
    notices: tuple[Notice, ...] = ()
    """What the line seems to mean otherwise than it is read."""


OPTIONS = line_options(MagicOptions)

BY_FLAG: dict[str, LineOption] = {flag: row for row in OPTIONS for flag in row.flags}


def find_option(flag: str) -> LineOption | None:
    """Return the option with that flag; ``_`` and ``-`` mean the same in a long one."""
    if flag.startswith("--"):
        return BY_FLAG.get("--" + flag[2:].replace("_", "-"))
    return BY_FLAG.get(flag)
