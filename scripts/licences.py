"""Print the licence of everything that an installation of glm_magic brings along.

``python scripts/licences.py`` goes from the package through its requirements as they are installed
here, extras left out, and writes a table. It exits with 1 when a licence is not named.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement

from scripts.reference_tables import table

PACKAGE = "glm-magic"


def main() -> None:
    """Print the table."""
    installed = {name: distribution(name) for name in sorted(needed(PACKAGE))}
    licences = {name: licence(about) for name, about in installed.items()}
    rows = [(name, about.version, licences[name]) for name, about in installed.items()]
    print(table(("package", "version", "licence"), rows), end="")  # noqa: T201 - the result
    if unnamed := [name for name, text in licences.items() if not text]:
        sys.exit(f"no licence is named by: {', '.join(unnamed)}")


def needed(package: str) -> set[str]:
    """Return the names of all that a package needs on this computer, without itself.

    Raises
    ------
    PackageNotFoundError
        One of them is not installed.
    """
    names: set[str] = set()
    waiting = [(package, frozenset[str]())]
    while waiting:
        name, extras = waiting.pop()
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            asked = any(marker.evaluate({"extra": e}) for e in {"", *extras}) if marker else True
            key = re.sub(r"[-_.]+", "-", requirement.name).lower()
            if asked and key not in names:
                names.add(key)
                waiting.append((key, frozenset(requirement.extras)))
    return names


def licence(about: Distribution) -> str:
    """Return what a package says its licence is: an expression, classifiers, or a short name."""
    fields = about.metadata
    if expression := fields.get("License-Expression"):
        return expression
    kinds = [line for line in fields.get_all("Classifier") or () if line.startswith("License ::")]
    if kinds:
        return ", ".join(line.rpartition(" :: ")[2] for line in kinds)
    lines = (fields.get("License") or "").strip().splitlines()
    return lines[0] if lines else ""


if __name__ == "__main__":
    main()
