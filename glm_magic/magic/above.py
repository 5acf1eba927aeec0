"""The cells that ran before a prompt, as a text to put above it (``--above``)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..core.i18n import Text, joined, tr
from ..core.text import join_surrogates
from ..core.usage import estimate
from ..credentials import ANY_PROVIDER
from ..engine.interpolate import Interpolated
from .cells import Errors, RanCells

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..catalogue.load import Catalogue
    from .workspace import Workspace

MOST_CHARS = 12_000
"""Length of all cells together, about 3,000 tokens: even a small model's context has room."""
MOST_SOURCE = 4_000
MOST_OUTPUT = 1_000
"""Length of one cell's source, and of its outputs or its error; what is longer loses its middle."""
_PROMPT = re.compile(r"\s*%{1,2}glm\b")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def below_the_cells(workspace: Workspace, prompt: Interpolated) -> Interpolated:
    """Return a prompt below the cells that ran before it."""
    shell, errors = workspace.shell, workspace.errors
    cells, remark = cells_above(shell, workspace.ran, errors, workspace.catalogue)
    if remark is None:
        remark = tr("no cell ran above")
        return replace(prompt, inserted=(*prompt.inserted, remark))
    return replace(prompt.below(f"{cells}\n\n"), inserted=(remark, *prompt.inserted))


def cells_above(
    shell: InteractiveShell, ran: RanCells, errors: Errors, catalogue: Catalogue
) -> tuple[str, Text | None]:
    """Return the cells above as a text, and what the panel says about it.

    The newest cells are kept where not all fit; prompts to a model are left out, because the
    conversation has them. A key that the environment holds is cut out.

    Returns
    -------
    tuple of (str, Text or None)
        Empty and ``None`` where no cell ran yet.
    """
    keys = _keys(catalogue)
    kept: list[tuple[int, str]] = []
    left_out, length = 0, 0
    for number in ran:
        text = _cell(shell, errors, number)
        if text is None:
            continue
        for key in keys:
            text = text.replace(key, "<key>")
        if left_out or length + len(text) > MOST_CHARS:
            left_out += 1
            continue
        kept.append((number, text))
        length += len(text)
    if not kept:
        return "", None
    kept.reverse()
    text = "\n\n".join(["These cells of the notebook ran before:", *(cell for _, cell in kept)])
    return text, _remark([number for number, _ in kept], text, left_out)


def _remark(numbers: list[int], text: str, left_out: int) -> Text:
    names = ", ".join(f"[{number}]" for number in numbers)
    remark = tr("the cells {names}: ≈{tokens:,} tokens", names=names, tokens=estimate(text))
    if not left_out:
        return remark
    return joined([remark, tr("{count} older ones did not fit", count=left_out)], "; ")


def _cell(shell: InteractiveShell, errors: Errors, number: int) -> str | None:
    """Return one cell with its outputs; ``None`` for a prompt, and for what is not remembered."""
    history: Any = shell.history_manager
    sources = history.input_hist_raw if history is not None else []
    source = sources[number].strip() if number < len(sources) else ""
    if not source or _PROMPT.match(source):
        return None
    parts = [f"[{number}]", _fenced(_shortened(source, MOST_SOURCE), "python")]
    output = "\n".join(_outputs(shell, number)).strip()
    if output:
        parts += ["Output:", _fenced(_shortened(output, MOST_OUTPUT))]
    try:
        error = errors[number]
    except KeyError:
        error = ""
    if error:
        parts += ["Error:", _fenced(_shortened(error, MOST_OUTPUT))]
    return "\n".join(parts)


def _outputs(shell: InteractiveShell, number: int) -> Iterator[str]:
    """Yield what a cell printed and returned, as text."""
    history: Any = shell.history_manager
    outputs = getattr(history, "outputs", {}).get(number, ())  # IPython 9 and later
    has_result = False
    for output in outputs:
        bundle = getattr(output, "bundle", None) or {}
        has_result = has_result or output.output_type == "execute_result"
        text = bundle.get("stream") or bundle.get("text/plain") or ""
        yield _ANSI.sub("", "".join(text))
    results = shell.user_ns.get("_oh")
    if not has_result and isinstance(results, Mapping) and number in results:
        yield _described(results[number])


def _described(value: Any) -> str:
    from IPython.lib.pretty import pretty

    try:
        return str(pretty(value, max_seq_length=50))  # type: ignore[no-untyped-call]  # IPython has no hints here
    except Exception:  # the value's own code
        return f"<{type(value).__name__}>"


def _shortened(text: str, most: int) -> str:
    """Return a text without its middle where it is too long."""
    text = join_surrogates(text)
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


def _fenced(text: str, language: str = "") -> str:
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _keys(catalogue: Catalogue) -> list[str]:
    """Return the keys that the environment holds: a cell may have set one."""
    names = {ANY_PROVIDER, *(name for p in catalogue.providers.values() for name in p.key_env)}
    values = (os.environ.get(name, "").strip() for name in names)
    return [value for value in values if len(value) > 3]
