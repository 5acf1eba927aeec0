"""What the package requires.

``python -m scripts.requirements lowest`` prints the lowest version of each requirement, with the
newest corrections of it, as constraints for pip; ``make matrix`` tries them.
``python -m scripts.requirements licences`` goes from the package through its requirements as they
are installed here, extras left out, and prints the licence of each; it exits with 1 when one is not
named.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from scripts.reference_tables import table

PACKAGE = "glm-magic"
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def print_lowest() -> None:
    """Print one constraint for each requirement.

    Raises
    ------
    ValueError
        A requirement has no lowest version.
    """
    for text in tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]:
        requirement = Requirement(text)
        lowest = [part.version for part in requirement.specifier if part.operator == ">="]
        if len(lowest) != 1:
            raise ValueError(f"{text} has no lowest version")
        print(f"{requirement.name}=={lowest[0]}.*")  # noqa: T201 - the result


def print_licences() -> None:
    """Print the table of licences."""
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
    {"lowest": print_lowest, "licences": print_licences}[sys.argv[1]]()
