"""Write what the front end knows of the package: options and verbs in two languages, limits.

``python scripts/frontend_words.py --write`` writes ``labextension/static/options.js``; without
``--write`` it exits with 1 when that file is out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from glm_magic.catalogue.load import catalogue
from glm_magic.core.i18n import translate
from glm_magic.engine.checks import input_limit
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs

FILE = Path(__file__).parents[1] / "labextension" / "static" / "options.js"

HEAD = """\
// What may stand on a magic's line, and how much a model reads. `make tables` writes this file.
// prettier-ignore
"""


def module() -> str:
    """Return the file as the source has it now."""
    options = [
        (" ".join(o.flags), _value(o.metavar, o.takes_value), list(_words(o)), *_both(o.help))
        for o in OPTIONS
    ]
    known = [(v.name, " ".join(v.arguments), *_both(v.help)) for v in verbs().values()]
    return "\n".join([
        HEAD.rstrip(),
        "/** Flags, value, words that the value may be where it may be left out, help, Chinese. */",
        "/** @type {[string, string, string[], string, string][]} */",
        f"export const OPTIONS = {_rows(options)};",
        "/** Verb, arguments, help, Chinese. */",
        "/** @type {[string, string, string, string][]} */",
        f"export const VERBS = {_rows(known)};",
        "/** Provider/model -> the most tokens of input. */",
        "/** @type {Record<string, number>} */",
        f"export const LIMITS = {json.dumps(dict(_limits()), indent=2)};",
        "",
    ])  # fmt: skip


def main() -> None:
    """Write the file, or exit with 1 when it is out of date."""
    new = module()
    if "--write" in sys.argv[1:]:
        FILE.write_text(new, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != new:
        sys.exit(f"out of date: {FILE.name}; run make tables")


def _limits() -> Iterable[tuple[str, int]]:
    for (provider, model), offer in catalogue().offers.items():
        limit = input_limit(offer, {})
        if limit:
            yield f"{provider}/{model}", limit


def _value(metavar: str, takes_value: bool) -> str:
    return (metavar or "VALUE") if takes_value else ""


def _words(option: Any) -> Iterable[str]:
    return option.choices if option.reads == "think" else ()


def _both(text: str) -> tuple[str, str]:
    return str(text), translate(text, "zh")


def _rows(rows: Iterable[Sequence[Any]]) -> str:
    lines = ",\n".join(f"  {json.dumps(list(row), ensure_ascii=False)}" for row in rows)
    return f"[\n{lines}\n]"


if __name__ == "__main__":
    main()
