"""Write what the front end knows of the package: the options, and how much models read.

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
from glm_magic.catalogue.resolve import LOCAL
from glm_magic.engine.checks import input_limit
from glm_magic.local.models import BETTER, TINY, packaged_model
from glm_magic.magic.line.options import OPTIONS

FILE = Path(__file__).parents[1] / "labextension" / "static" / "options.js"

HEAD = """\
// What may stand on a magic's line, and how much a model reads. `make tables` writes this file.
// prettier-ignore
"""


def module() -> str:
    """Return the file as the source has it now."""
    options = [
        (" ".join(o.flags), _value(o.metavar, o.takes_value), list(_words(o))) for o in OPTIONS
    ]
    return "\n".join([
        HEAD.rstrip(),
        "/** Flags, value, words that the value may be where it may be left out. */",
        "/** @type {[string, string, string[]][]} */",
        f"export const OPTIONS = {_rows(options)};",
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
    for model in (TINY, BETTER):
        yield f"{LOCAL}/{model}", packaged_model(model).context


def _value(metavar: str, takes_value: bool) -> str:
    return (metavar or "VALUE") if takes_value else ""


def _words(option: Any) -> Iterable[str]:
    return option.choices if option.reads == "think" else ()


def _rows(rows: Iterable[Sequence[Any]]) -> str:
    lines = ",\n".join(f"  {json.dumps(list(row), ensure_ascii=False)}" for row in rows)
    return f"[\n{lines}\n]"


if __name__ == "__main__":
    main()
