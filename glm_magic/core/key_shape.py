"""What is wrong with a text that should be an API key, told without showing it.

Only white space around a key is dropped. Everything else that got into it while it was copied is
named, so that the user mends it where it is; a service would only say that the key is wrong.
"""

from __future__ import annotations

import re
import unicodedata

from .i18n import Text, tr

_INVISIBLE = ("Cf", "Mn", "Me", "Co", "Cn")
"""Unicode categories that show nothing by themselves."""
_QUOTES = "\"'`´′″‘’‚‛“”„‟«»‹›「」『』〝〞＂＇"
_OPENING, _CLOSING = "<[({（【〈《＜［｛", ">])}）】〉》＞］｝"
_SEPARATORS = ";,:；，、。：＝="
_ASSIGNED = re.compile(
    r"""(?ix) ( ((export|set|setx|declare|let|const|var|env|%set_env|%env)\s+|\$env:)\w+\s*[=:\s]
        | ["']? \w{0,40} (key|token|secret) \w{0,40} ["']? \s* [=:] \s* [^=\s] )"""
)
_HEADER = re.compile(r"(?i)(authorization\s*[:=]|(bearer|basic)[\s:]|x-api-key\s*:)")
_VARIABLE = re.compile(
    r"\$\w+|\$[{(].*[)}]|%\w+%|\{\{.*\}\}|[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(KEY|TOKEN|SECRET)"
    r"|os\.(environ|getenv).*|process\.env.*"
)
_PLACEHOLDER = re.compile(
    r"""(?ix)
    (.*[-_.\s])? (your|my) [-_.\s]? [a-z-_.\s]* (key|token|secret|here) .*
    | .* (key|token) [-_.\s]? (here|goes) .*
    | .* (insert|paste|enter|replace|change|fill) [-_.\s]? (me|here|your|with|this) .*
    | (api|access)[-_.\s]?(key|token) | placeholder | todo | tbd
    | ([a-z0-9]{1,12}[-_.])* [x*•·…]{3,} ([-_.][x*•·…]{3,})*
    | .* (你的|您的|密钥|填写|替换|粘贴|在此) .*
    """
)
_LONGEST_STAND_IN = 100
"""A longer text stands for no key; the patterns above are not made for it."""
_MASKED = re.compile(r"\.{3}|…|\*{3}|[•●·]{3}")


def key_problem(text: str, place: str) -> tuple[Text, Text] | None:
    """Return what is wrong with a key and how to mend it; ``None`` where it can be sent.

    Parameters
    ----------
    text : str
        The key, as it was set.
    place : str
        Where it was set, such as ``"ZAI_API_KEY"``.
    """
    key = text.strip()
    if any(unicodedata.category(c) in _INVISIBLE for c in key):
        code = next(f"U+{ord(c):04X}" for c in key if unicodedata.category(c) in _INVISIBLE)
        return (
            tr("the key in {place} holds an invisible character ({code})", place=place, code=code),
            tr("type it, or copy it from the provider's page and not from a chat or a document"),
        )
    if len(key.splitlines()) > 1:
        return (
            tr("the key in {place} goes over more than one line", place=place),
            tr("set {place} to the key alone, on one line", place=place),
        )
    return _written_around(key, place) or _stand_in(key, place) or _not_a_key(key, place)


def _written_around(key: str, place: str) -> tuple[Text, Text] | None:
    """Name what was copied along with a key."""
    alone = tr("set {place} to the key alone, with nothing around it", place=place)
    if _ASSIGNED.match(key):
        return tr("the key in {place} has its name and an = or : in front", place=place), alone
    if _HEADER.match(key):
        return (
            tr("the key in {place} begins like a header, as with Bearer", place=place),
            tr("set {place} to the key alone: the word before it is added", place=place),
        )
    if _stands_in(key):
        return None
    if any(quote in key for quote in _QUOTES):
        return (
            tr("the key in {place} has quotation marks in it", place=place),
            tr("%set_env and Docker's env files keep them: set {place} without any", place=place),
        )
    if key[0] in _OPENING or key[-1] in _CLOSING:
        return tr("the key in {place} has brackets around it", place=place), alone
    if key[0] in _SEPARATORS or key[-1] in _SEPARATORS.replace("=", ""):
        mark = key[-1] if key[-1] in _SEPARATORS.replace("=", "") else key[0]
        return tr("the key in {place} has a {mark} at its end", place=place, mark=mark), alone
    return None


def _stands_in(key: str) -> bool:
    return len(key) <= _LONGEST_STAND_IN and bool(
        _VARIABLE.fullmatch(key) or _PLACEHOLDER.fullmatch(key.strip(_OPENING + _CLOSING))
    )


def _stand_in(key: str, place: str) -> tuple[Text, Text] | None:
    """Name a text that stands for a key."""
    if not _stands_in(key):
        return _shortened(key, place)
    if _PLACEHOLDER.fullmatch(key.strip(_OPENING + _CLOSING)):
        return (
            tr("the key in {place} is a placeholder", place=place),
            tr("set {place} to a key of your own, as the provider's page shows it", place=place),
        )
    return (
        tr("the key in {place} is the name of a variable, not its value", place=place),
        tr("set {place} to the key itself: nothing is filled in", place=place),
    )


def _shortened(key: str, place: str) -> tuple[Text, Text] | None:
    if _MASKED.search(key):
        return (
            tr("the key in {place} was shortened where it was shown", place=place),
            tr("copy the whole key; some pages show it only once, when it is made"),
        )
    return None


def _not_a_key(key: str, place: str) -> tuple[Text, Text] | None:
    if any(character.isspace() for character in key):
        return (
            tr("the key in {place} has white space in it", place=place),
            tr("set {place} to the key alone, on one line", place=place),
        )
    if not (key.isascii() and key.isprintable()):
        return (
            tr("the key in {place} holds characters that no API key has", place=place),
            tr("copy it again from the provider's page; only letters, digits and signs belong"),
        )
    return None
