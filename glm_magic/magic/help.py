"""Help for options and verbs, for a cell and for the README."""

from __future__ import annotations

from ..core.i18n import translate
from .display import Displayable, Paragraph, Sections
from .line.options import OPTIONS, find_option
from .verbs.registry import BY_NAME, VERBS, Verb

_USAGE = """\
%%glm [MODEL] [options] [start of the prompt]     the cell is the prompt
%glm [MODEL] [options] prompt                     the line is the prompt; it returns the reply
%glm VERB …                                       see below
{name}, {name.attribute} and {name[index]} put Python values in; {{ and }} are plain braces."""


def whole_help() -> Displayable:
    """Return the help on everything."""
    return Sections(
        [
            ("", _USAGE),
            ("Options", _aligned([(o.usage, o.help) for o in OPTIONS])),
            ("Verbs of %glm", _aligned([(_short(v), v.help) for v in VERBS])),
        ]
    )


def help_on(word: str) -> Displayable:
    """Return the help on one verb or option."""
    verb, option = BY_NAME.get(word), find_option(word)
    if verb is not None:
        return Paragraph(f"{verb.usage}: {verb.help}")
    return Paragraph(f"{option.usage}: {option.help}") if option else whole_help()


def option_rows() -> list[str]:
    """Return the README's table of options, as lines of Markdown."""
    rows = [(f"`{_piped(o.usage)}`", o.help) for o in OPTIONS]
    return _markdown(("option", "meaning"), rows)


def verb_rows() -> list[str]:
    """Return the README's table of verbs, as lines of Markdown."""
    rows = [(f"`{_piped(_short(v))}`", v.help) for v in VERBS]
    return _markdown(("verb", "what it shows or does"), rows)


def _short(verb: Verb) -> str:
    return f"{verb.name} {' | '.join(filter(None, verb.arguments))}".rstrip()


def _aligned(rows: list[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows)
    told = [(left, translate(right)) for left, right in rows]
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in told)


def _piped(text: str) -> str:
    return text.replace("|", r"\|")


def _markdown(head: tuple[str, str], rows: list[tuple[str, str]]) -> list[str]:
    return [f"| {left} | {right} |" for left, right in (head, ("---", "---"), *rows)]
