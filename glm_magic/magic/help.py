"""Help for options and verbs, for a cell and for the pages in ``docs/``."""

from __future__ import annotations

from ..core.i18n import from_data, joined, tr
from .display import Displayable, Glossary, Paragraph
from .line.options import OPTIONS, find_option
from .verbs.registry import Verb, verbs

_USAGE = joined(
    (
        tr("%%glm [MODEL] [options] [start of the prompt]     the cell is the prompt"),
        tr(
            "%glm [MODEL] [options] prompt                     the line is the prompt; it returns"
            " the reply"
        ),
        tr("%glm VERB …                                       see below"),
        tr(
            "{{name}}, {{name.attribute}} and {{name[index]}} put Python values in; {{{{ and }}}}"
            " are plain braces."
        ),
    ),
    "\n",
)


def whole_help() -> Displayable:
    """Return the help on everything."""
    return Glossary(
        _USAGE,
        [
            ("Options", [(o.usage, o.help) for o in OPTIONS]),
            ("Verbs of %glm", [(_short(v), v.help) for v in verbs().values()]),
        ],
    )


def help_on(word: str) -> Displayable:
    """Return the help on one verb or option."""
    verb, option = verbs().get(word), find_option(word)
    if verb is not None:
        return _paragraph(verb.usage, verb.help)
    return _paragraph(option.usage, option.help) if option else whole_help()


def option_rows() -> list[str]:
    """Return the table of options as lines of Markdown."""
    rows = [(f"`{_piped(o.usage)}`", o.help) for o in OPTIONS]
    return _markdown(("option", "meaning"), rows)


def verb_rows() -> list[str]:
    """Return the table of verbs as lines of Markdown."""
    rows = [(f"`{_piped(_short(v))}`", v.help) for v in verbs().values()]
    return _markdown(("verb", "what it shows or does"), rows)


def _paragraph(usage: str, help_text: str) -> Paragraph:
    return Paragraph(tr("{usage}: {help}", usage=usage, help=from_data(help_text)))


def _short(verb: Verb) -> str:
    return f"{verb.name} {' | '.join(filter(None, verb.arguments))}".rstrip()


def _piped(text: str) -> str:
    return text.replace("|", r"\|")


def _markdown(head: tuple[str, str], rows: list[tuple[str, str]]) -> list[str]:
    return [f"| {left} | {right} |" for left, right in (head, ("---", "---"), *rows)]
