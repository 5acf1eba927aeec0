"""What the catalogue says in words has its Chinese."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files

from glm_magic.catalogue.load import Catalogue
from glm_magic.core.i18n import from_data, translate

CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")


def words(catalogue: Catalogue) -> Iterator[str]:
    """Yield each sentence of the catalogue; names, figures and lists of levels are none."""
    for model in catalogue.models.values():
        yield model.note
    for info in catalogue.providers.values():
        yield info.plan_note
    for offer in catalogue.offers.values():
        yield from (note.text for note in offer.notes)
        for conflict in offer.conflicts:
            yield from (conflict.why, conflict.taken, *conflict.says.values())
            yield from (conflict.fact,) if " " in conflict.fact else ()


def is_sentence(text: str) -> bool:
    return " " in text.replace(", ", ",") or text.endswith(".") or text == "unknown"


def test_every_sentence_of_the_catalogue_has_its_chinese_and_nothing_else(
    built_in: Catalogue,
) -> None:
    table = tomllib.loads((files("glm_magic.catalogue") / "zh.toml").read_text("utf-8"))["words"]
    sentences = {text for text in words(built_in) if is_sentence(text)}
    assert set(table) == sentences
    for english, chinese in table.items():
        assert CHINESE.search(chinese), english
        assert translate(from_data(english), "zh") == chinese
        assert translate(from_data(english), "en") == english
