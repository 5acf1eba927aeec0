"""Every mistake in a user's file is an error of two lines that names the file and the key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.parameters import ParameterRule
from glm_magic.catalogue.schema import Conflict, ModelInfo, Offer, ProviderInfo
from glm_magic.catalogue.schema import Source as SourceInfo
from glm_magic.core.errors import InvalidValueError
from glm_magic.core.price import Tier

WRONG = {
    "str": "5",
    "bool": '"yes"',
    "int": '"many"',
    "float": '"much"',
    "date": '"2026-11-21"',
    "tuple[str, ...]": "[1]",
    "Mapping[str, Any]": "5",
    "Mapping[str, str]": "{a = 1}",
    "Decimal": '"much"',
    "Price": '{ currency = "USD", tiers = [{ input = "cheap", output = "2" }] }',
}
"""Annotation of a field -> a value in TOML that it does not take."""

PLACES = {
    ProviderInfo: ("[provider.zai]\n{line}\n", {"name", "parameters"}),
    ParameterRule: ("[provider.zai.parameters.temperature]\n{line}\n", {"name", "default"}),
    ModelInfo: ('[model."glm-5"]\n{line}\n', {"id"}),
    Offer: (
        '[[model."glm-5".offer]]\nproviders = ["zai"]\n{line}\n',
        {"provider", "model", "is_listed", "price", "sources", "checked", "conflicts", "notes"},
    ),
    Conflict: ('[[model."glm-5".conflict]]\nproviders = ["zai"]\n{line}\n', set()),
    SourceInfo: ("[source.mine]\n{line}\n", {"name"}),
    Tier: (
        '[[model."glm-5".offer]]\nproviders = ["zai"]\ncurrency = "USD"\nsource = "x"\n'
        'checked = 2026-01-01\n[[model."glm-5".offer.tiers]]\n{line}\n',
        {"input", "output", "cached"},
    ),
}
"""Type -> where its fields stand in a file, and those that cannot be written there."""


def mistakes() -> Iterator[Any]:
    for cls, (text, hidden) in PLACES.items():
        for field in fields(cls):
            if field.name not in hidden:
                wrong = WRONG[str(field.type).removesuffix(" | None")]
                line = f"{field.name} = {wrong}"
                yield pytest.param(text.format(line=line), field.name, id=f"{cls.__name__}.{line}")


def refusal(home: Path, text: str, name: str = "mine.toml") -> str:
    folder = home / "glm"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidValueError) as caught:
        catalogue()
    lines = caught.value.lines()
    assert len(lines) == 2, lines
    assert "\n" not in "".join(lines)
    assert name in lines[0], lines
    assert len(caught.value.lines("zh")) == 2
    return "\n".join(lines)


@pytest.mark.parametrize(("text", "key"), list(mistakes()))
def test_a_value_of_the_wrong_type_names_file_and_key(
    isolated_home: Path, text: str, key: str
) -> None:
    assert key in refusal(isolated_home, text)


@pytest.mark.parametrize("cls", list(PLACES), ids=lambda cls: cls.__name__)
def test_an_unknown_key_names_the_file_and_the_nearest_key(isolated_home: Path, cls: type) -> None:
    text, hidden = PLACES[cls]
    name = max((f.name for f in fields(cls) if f.name not in hidden), key=len)
    misspelt = name[:-2] + name[-1] + name[-2] + "x"
    error = refusal(isolated_home, text.format(line=f"{misspelt} = 1"))
    assert f"'{misspelt}'" in error
    assert f"did you mean '{name}'?" in error


OFFER = '[[model."glm-5".offer]]\nproviders = ["zai"]\n'
PRICE = OFFER + 'currency = "{currency}"\nsource = "x"\nchecked = 2026-01-01\ntiers = [{tiers}]\n'
NEW = '[provider.lab]\ntitle = "lab"\nbase_url = "https://lab.example/v1"\n'

WORDS = {
    "a misspelt dialect": (NEW + 'dialect = "opnrouter"', "dialect", "did you mean 'openrouter'?"),
    "a dialect that is far from any": (NEW + 'dialect = "xyz"', "dialect", "dialect takes dash"),
    "no dialect": (NEW, "dialect", "add what is missing"),
    "a misspelt dialect of a known provider": (
        '[provider.vllm]\ndialect = "vlm"', "dialect", "did you mean 'vllm'?",
    ),
    "an effort level": ('[provider.zai]\neffort = ["hihg"]', "effort", "did you mean 'high'?"),
    "an effort level of a model": ('[model."glm-5"]\neffort = ["huge"]', "effort", "takes minimal"),
    "an effort level of an offer": (OFFER + 'effort = ["lo"]', "effort", "did you mean 'low'?"),
    "an ability": (OFFER + 'functions = "maybe"', "functions", "takes yes, no, unknown"),
    "thinking in another ability": (OFFER + 'tool_stream = "non-thinking"', "tool_stream", "takes"),
    "a kind of source": (
        '[source.mine]\ntitle = "x"\nkind = "oficial"\nseen = 2026-01-01', "kind",
        "did you mean 'official'?",
    ),
    "a type of parameter": (
        '[provider.zai.parameters]\nx = { type = "nummber" }', "type", "did you mean 'number'?",
    ),
    "an address": ('[provider.zai]\nbase_url = "api.z.ai"', "base_url", "https://host/path"),
    "an address with a bad port": (
        '[provider.zai]\nbase_url = "http://h:99999/v1"', "base_url", "https://host/path",
    ),
    "a path": ('[provider.zai]\npath = "chat"', "path", "begins with /"),
    "an empty host": ('[provider.zai]\nhosts = [""]', "hosts", "host names"),
    "an empty variable": ('[provider.zai]\nkey_env = [""]', "key_env", "variables"),
    "a limit of nothing": (OFFER + "context = 0", "context", "at least 1"),
    "a limit below zero": (OFFER + "max_output = -5", "max_output", "at least 1"),
    "a rank that is no number": ('[model."glm-5"]\nrank = nan', "rank", "a number"),
    "a rank without end": ('[model."glm-5"]\nrank = inf', "rank", "a number"),
    "a bound without end": (
        "[provider.zai.parameters]\ntemperature = { max = inf }", "max", "a number",
    ),
    "a day with a time": (OFFER + "retires = 2026-10-10T00:00:00", "retires", "without quotes"),
    "a day with a time of a price": (
        OFFER + 'currency = "USD"\nsource = "x"\nchecked = 2026-01-01T00:00:00\n'
        "tiers = [{ input = 1, output = 1 }]", "checked", "without quotes",
    ),
    "a currency": (PRICE.format(currency="yuan", tiers="{ input = 1, output = 1 }"),
        "currency", "CNY or USD"),
    "no tiers": (PRICE.format(currency="USD", tiers=""), "tiers", "a price needs"),
    "tiers that are no tables": (PRICE.format(currency="USD", tiers="1"), "tiers", "tables are"),
    "two upper bounds": (
        PRICE.format(currency="USD", tiers="{ input = 1, output = 1, up_to = 9, below = 9 }"),
        "up_to", "leave one of them out",
    ),
    "a bound of nothing": (
        PRICE.format(currency="USD", tiers="{ input = 1, output = 1, below = 0 }"), "below",
        "at least 1",
    ),
    "a price that is a switch": (
        PRICE.format(currency="USD", tiers="{ input = true, output = 1 }"), "True", "a price needs",
    ),
    "an unknown fact of a plan": (OFFER + "plan = { effrot = [] }", "effrot", "'effort'"),
    "a wrong fact of a plan": (OFFER + "plan = { thinking_off = 1 }", "thinking_off", "true or"),
    "a provider's own name": ('[provider.zai]\nname = "other"', "'name'", "keys are"),
    "a model's own id": ('[model."glm-5"]\nid = "other"', "'id'", "keys are"),
    "likeness to a number": ("[provider.lab]\nlike = 5", "5", "available: "),
    "likeness to a list": ('[provider.lab]\nlike = ["zai"]', "zai", "available: "),
    "a provider that is a list": ('[[model.x.offer]]\nproviders = [["zai"]]', "zai", "available: "),
    "one table for many offers": ('[model."glm-5".offer]\nproviders = ["zai"]', "offer", "[[model"),
    "a parameter that is a value": ("[provider.zai.parameters]\nx = 5", "x", "tables are"),
    "a source that is a value": ("source.x = 5", "source.x", "tables are"),
    "nested without end": ("x = " + "[" * 9000, "TOML", "fix the file"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(WORDS))
def test_what_a_field_does_not_take_names_file_key_and_remedy(
    isolated_home: Path, case: str
) -> None:
    text, key, remedy = WORDS[case]
    error = refusal(isolated_home, text)
    assert key in error
    assert remedy in error


def test_the_file_that_is_wrong_is_the_one_named(isolated_home: Path) -> None:
    folder = isolated_home / "glm"
    folder.mkdir()
    (folder / "a.toml").write_text('[provider.zai]\ntitle = "fine"\n', encoding="utf-8")
    error = refusal(isolated_home, '[provider.zai]\ndialect = "bigmdel"\n', "b.toml")
    assert "b.toml, provider.zai" in error
    assert "a.toml" not in error


def test_a_file_that_vanishes_while_it_is_read_is_told(
    isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = isolated_home / "glm"
    folder.mkdir()
    path = folder / "gone.toml"
    path.write_text("", encoding="utf-8")

    read = Path.read_bytes

    def vanish(self: Path) -> bytes:
        if self == path:
            self.unlink()
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", vanish)
    with pytest.raises(InvalidValueError, match=r"gone\.toml") as caught:
        catalogue()
    assert len(caught.value.lines()) == 2
