"""Print the lowest version of each requirement, as constraints for pip.

It is what the package promises to work with, with the newest corrections of it; ``make matrix``
tries it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main() -> None:
    """Print one line for each requirement.

    Raises
    ------
    ValueError
        A requirement has no lowest version.
    """
    declared = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    for text in declared:
        requirement = Requirement(text)
        lowest = [part.version for part in requirement.specifier if part.operator == ">="]
        if len(lowest) != 1:
            raise ValueError(f"{text} has no lowest version")
        print(f"{requirement.name}=={lowest[0]}.*")  # noqa: T201 - the result


if __name__ == "__main__":
    main()
