"""The catalogue as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable

from glm_magic.catalogue.load import Catalogue
from scripts.readme_tables import markdown_models, markdown_providers


def cells(table: str) -> list[list[str]]:
    """Return the rows of a table, without head and rule."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_provider_has_one_row(built_in: Catalogue) -> None:
    rows = cells(markdown_providers(built_in))
    assert [row[0].strip("`") for row in rows] == list(built_in.providers)
    assert {len(row) for row in rows} == {5}
    assert rows[5] == [
        "`zai`", "Z.ai", "`https://api.z.ai/api/paas/v4`", "`ZAI_API_KEY`", "`glm-5.2`",
    ]  # fmt: skip


def test_every_offer_stands_in_one_row(built_in: Catalogue) -> None:
    rows = cells(markdown_models(built_in))
    listed = [
        (provider.strip("`"), row[0].strip("`")) for row in rows for provider in row[1].split(", ")
    ]
    assert sorted(listed) == sorted(built_in.offers)
    assert {len(row) for row in rows} == {6}


def test_rows_tell_limits_thinking_and_price(built_in: Catalogue) -> None:
    rows = {(row[0], row[1]): row[2:] for row in cells(markdown_models(built_in))}
    beijing = "`dashscope`, `dashscope-native`"
    assert rows["`glm-4.5`", beijing] == [
        "128K", "16K + 32K thinking", "on, off", "¥3 / ¥14 to 32K; ¥4 / ¥16 to 96K",
    ]  # fmt: skip
    assert rows["`glm-5`", beijing][3] == "¥6 / ¥22 (cached ¥1.2) above 32K to 200K"
    assert rows["`glm-4.5-flash`", "`bigmodel`, `zai`"][3] == "free"
    assert rows["`glm-4.7`", "`bigmodel`"][3] == (
        "¥2 / ¥8 (cached ¥0.4) below 32,000, output below 200; "
        "¥3 / ¥14 (cached ¥0.6) below 32,000; ¥4 / ¥16 (cached ¥0.8) below 200,000"
    )
    assert rows["`glm-5.4`", "`zai`"][3] == "n/a ‡"
    assert rows["`glm-5.3`", "`zai`"] == [
        "1M", "128K", "always, low, high, max", r"\$1.40 / \$4.40 (cached \$0.26)",
    ]  # fmt: skip
    assert rows["`glm-5.2`", "`bigmodel`"][2:] == [
        "on, off, minimal … max", "¥8 / ¥28 (cached ¥2)",
    ]  # fmt: skip


def test_the_newest_model_comes_first(built_in: Catalogue) -> None:
    rows = cells(markdown_models(built_in))
    assert rows[0][0] == "`glm-5.4`"
    assert rows[-1][0] == "`glm-4-plus`"


def test_the_legend_gives_the_day_of_the_oldest_price(
    built_in: Catalogue, overlay: Callable[..., Catalogue]
) -> None:
    assert "2026-11-21" in markdown_models(built_in)
    older = overlay(
        '[[model."glm-5".offer]]\nproviders = ["bigmodel"]\ncurrency = "EUR"\nsource = "me"\n'
        'tiers = [{ input = "1", output = "2" }]\nchecked = 2026-01-02\n'
    )
    assert "2026-01-02" in markdown_models(older)
    assert "EUR 1 / EUR 2" in markdown_models(older)


def test_tables_of_an_empty_catalogue_are_empty() -> None:
    empty = Catalogue({}, {}, {}, {})
    assert cells(markdown_models(empty)) == cells(markdown_providers(empty)) == []
