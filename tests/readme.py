"""The generated tables of README.md: ``python -m tests.readme --write`` writes them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.report import markdown_models, markdown_providers
from glm_magic.magic.help import option_rows, verb_rows

README = Path(__file__).parents[1] / "README.md"

TABLES: dict[str, Callable[[], str]] = {
    "options": lambda: "\n".join(option_rows()),
    "verbs": lambda: "\n".join(verb_rows()),
    "providers": lambda: markdown_providers(catalogue()),
    "models": lambda: markdown_models(catalogue()),
}


def with_tables(text: str) -> str:
    """Return the page with every table as the source has it now."""
    for name, make in TABLES.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"README.md has no place for the table {name}")
        table = f"{begin}\n{make().strip()}\n{end}"
        text = pattern.sub(lambda _, table=table: table, text)
    return text


def main() -> None:
    """Write the tables, or say whether they are up to date."""
    text = README.read_text(encoding="utf-8")
    new = with_tables(text)
    if "--write" in sys.argv:
        README.write_text(new, encoding="utf-8")
    elif new != text:
        sys.exit("README.md is out of date: make tables")


if __name__ == "__main__":
    main()
