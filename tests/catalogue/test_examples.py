"""Examples name models that are served, at the provider that they name or anywhere."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm_magic
from glm_magic.catalogue.load import catalogue
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs

ROOT = Path(glm_magic.__file__).parents[1]
GENERATED = re.compile(r"<!-- begin \w+ -->.*?<!-- end \w+ -->", re.DOTALL)
MODEL = re.compile(r"(?<![\w/.-])(?:(?P<provider>[a-z-]+)/)?(?P<model>glm-\d[\w.-]*\w)")
BESIDE = re.compile(r"(?:-p |provider=\"|GLM_PROVIDER=)(?P<provider>[a-z-]+)")


def texts() -> Iterator[tuple[str, str]]:
    """Yield each text that a person reads, and where it stands."""
    for page in (ROOT / "docs").glob("*.md"):
        yield page.name, GENERATED.sub("", page.read_text(encoding="utf-8"))
    for lesson in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"]:
            yield lesson.name, "".join(cell["source"])
    for row in (*OPTIONS, *verbs().values()):
        yield "help", row.help
    for path in (ROOT / "glm_magic").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):  # an argument is a message or a help; the rest is ours
                for text in node.args:
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield path.name, text.value


def examples() -> Iterator[tuple[str, str, str]]:
    """Yield where a model is named, the provider beside it if there is one, and the model."""
    for place, text in texts():
        for line in text.splitlines():
            for match in MODEL.finditer(line):
                beside = BESIDE.search(line)
                provider = match["provider"] or (beside["provider"] if beside else "")
                known = catalogue().providers.get(provider)
                yield place, provider if known and not known.self_hosted else "", match["model"]


@pytest.mark.parametrize(("place", "provider", "model"), sorted(set(examples())))
def test_an_example_names_a_model_that_is_served(place: str, provider: str, model: str) -> None:
    offers = [
        offer
        for (name, model_id), offer in catalogue().offers.items()
        if model_id == model and provider in ("", name)
    ]
    assert offers, f"{place} names {model}, which is not listed at {provider or 'any provider'}"
    assert all(offer.retires is None for offer in offers), f"{model} is, or will be, removed"
    assert not any(offer.plan_only for offer in offers)


def test_there_are_examples() -> None:
    places = {place for place, _, _ in examples()}
    assert {"python-api.md", "08_providers.ipynb", "options.md"} <= places
