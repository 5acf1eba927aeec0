"""The catalogue against the given pages themselves, where their folder is present."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from glm_magic.catalogue.load import Catalogue


def lines_of(reference: Path, number: str) -> list[str]:
    """Return the lines of one given page that hold anything."""
    (page,) = (reference / "documents").glob(f"{number}_*.txt")
    text = page.read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def after(lines: list[str], *start: str) -> list[str]:
    """Return the lines after the first place where `start` stands, line for line."""
    size = len(start)
    at = next(at for at in range(len(lines)) if tuple(lines[at : at + size]) == start)
    return lines[at + size :]


def test_prices_of_the_glm_4_5_page(built_in: Catalogue, reference: Path) -> None:
    lines = lines_of(reference, "000")
    table = after(lines, "输入 Token 数", "输入成本(每千Token)", "输出成本(每千Token)")[:14]
    for start in (0, 7):
        model, *figures = table[start : start + 7]
        price = built_in.offers["dashscope", model].price
        assert price is not None
        for tier, (span, read, written) in zip(
            price.tiers, (figures[:3], figures[3:]), strict=True
        ):
            upper = int(span.removesuffix("K").rpartition("-")[2].removesuffix("K"))
            assert tier.up_to == upper * 1024
            assert (tier.input, tier.output) == (Decimal(read) * 1000, Decimal(written) * 1000)


def test_limits_of_the_three_model_studio_pages(built_in: Catalogue, reference: Path) -> None:
    for number, models in (
        ("000", ["glm-4.5"]),
        ("001", ["glm-4.6", "glm-4.5"]),
        ("002", ["glm-5", "glm-4.7"]),
    ):
        lines = [
            re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", line) for line in lines_of(reference, number)
        ]
        for model in models:
            rest = after(lines, model)
            figures = [int(line) for line in rest[:4] if line.isdecimal()]
            offer = built_in.offers["dashscope", model]
            limits = [offer.context, offer.max_input, offer.max_reasoning, offer.max_answer]
            # merged cells of a page's table are written once, beside their first model
            shown = [limits[1]] if model == "glm-4.7" else limits[: len(figures)]
            assert figures == shown, model


def test_defaults_of_the_two_tables(built_in: Catalogue, reference: Path) -> None:
    head = ("enable_thinking", "temperature", "top_p", "top_k", "repetition_penalty")
    seen = []
    for number in ("001", "002"):
        rows = after(lines_of(reference, number), *head)
        while rows[0].startswith("glm-"):
            model, switch, *figures = (cell.replace(",", ".") for cell in rows[:6])
            values = [switch == "true", *(float(figure) for figure in figures)]
            expected = dict(zip(head, values, strict=True))
            assert built_in.offers["dashscope", model].defaults == expected
            seen.append(model)
            rows = rows[6:]
    assert seen == ["glm-4.6", "glm-4.5", "glm-4.5-air", "glm-5", "glm-4.7", "glm-4.6"]


def test_parameters_of_the_wcode_page(built_in: Catalogue, reference: Path) -> None:
    text = "\n".join(lines_of(reference, "004"))
    blocks = re.findall(r"参数:(\w+)\n• 可选,\s*(.+)((?:\n• 默认.+)?)", text)
    rules = built_in.providers["wcode"].parameters
    names = {name for name, _, _ in blocks}
    assert names == set(rules) - {"reasoning", "stream_options"}
    for name, kind, default in blocks:
        span = re.search(r"(-?[\d.]+)\s*[到至]\s*(-?[\d.]+)", kind)
        least = re.search(r">= (\d+)", kind)
        if span:
            assert (rules[name].min, rules[name].max) == tuple(map(float, span.groups())), name
        if least:
            assert (rules[name].min, rules[name].max) == (int(least[1]), None), name
        if default:
            assert str(rules[name].default).lower() == default.partition(":")[2].strip(), name


def test_price_and_context_of_the_wcode_page(built_in: Catalogue, reference: Path) -> None:
    lines = lines_of(reference, "004")
    offer = built_in.offers["wcode", "glm-4.5"]
    assert offer.price is not None
    (tier,) = offer.price.tiers
    for title, amount in (("输入", tier.input), ("输出", tier.output)):
        (figure,) = after(lines, f"模型价格(每 1000 tokens {title})")[:1]
        assert Decimal(figure.removeprefix("¥ ")) * 1000 == amount
    assert after(lines, "上下文长度")[0] == "128 K"
    assert offer.context == 128 * 1024
    assert "GLM 4.6" in lines
