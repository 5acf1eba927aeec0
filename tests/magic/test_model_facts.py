"""``%glm models NAME``: every fact of one model, with its source and date, in both languages."""

from __future__ import annotations

import re
from dataclasses import fields
from types import SimpleNamespace

import pytest
from IPython.utils.capture import capture_output

from glm_magic.catalogue.load import catalogue
from glm_magic.catalogue.schema import ABILITIES, Offer
from glm_magic.magic.line import candidates
from glm_magic.magic.verbs.model_facts import describe
from glm_magic.views.columns import wrap

NAMES = list(catalogue().models)
CHINESE = re.compile("[\u3000-\u9fff]")


def offers_of(name):
    return [offer for offer in catalogue().offers.values() if offer.model.id == name]


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_stands_there_with_its_source_and_day(name):
    offers = offers_of(name)
    tables = describe(catalogue(), catalogue().models[name], offers)
    *described, sources = tables
    cells = [row for table in described for row in table.rows]
    for offer in offers:
        here = [t for t in described if offer.provider.name in re.split(r"[ ,]+", t.title)]
        assert len(here) == 1, offer.provider.name
        text = "\n".join("|".join(row) for row in here[0].rows)
        for limit in ("context", "max_input", "max_reasoning", "max_answer", "max_output"):
            count = getattr(offer, limit)
            assert count is None or f"{count:,} tokens" in text, limit
        for note in offer.notes:
            assert note.text in text
        prices = [price for price in (offer.price, offer.batch_price) if price]
        for tier in (tier for price in prices for tier in price.tiers):
            assert f"{tier.input.normalize():f}" in text or "free of charge" in text
        assert not offer.retires or str(offer.retires) in text
        for conflict in offer.conflicts:
            assert conflict.why in text
            assert all(source in text for source in conflict.says)
        for value in offer.defaults.values():
            assert str(value).lower() in text.lower()
    for fact, value, kind, day, source in cells:
        if fact not in ("not known", "taken"):
            assert kind in ("official", "recorded traffic", "third-party report", "not confirmed")
            assert re.fullmatch(r"2026-\d\d-\d\d", day), (fact, value)
            assert source in catalogue().sources
    named = {row[4] for row in cells if row[4]}
    assert {row[0] for row in sources.rows} == named


def test_free_tokens_stand_where_they_are_known_to_be_given():
    def is_free(provider, name):
        offers = [catalogue().offers[provider, name]]
        tables = describe(catalogue(), catalogue().models[name], offers)
        return any(row[0] == "free at first" for table in tables for row in table.rows)

    assert is_free("dashscope", "glm-4.5")
    assert is_free("dashscope-native", "glm-5")
    assert not is_free("dashscope", "zhipu/glm-5")
    assert not is_free("dashscope-intl", "glm-4.5")
    assert not is_free("zai", "glm-4.5")


def test_a_new_fact_of_an_offer_would_be_shown_or_missed_here():
    shown = {"wire_id", "context", "max_input", "max_reasoning", "max_answer", "max_output",
             "max_images", "thinking_off", "effort", "defaults", *ABILITIES, "price",
             "batch_price", "retires", "plan_only", "plan", "notes", "conflicts",
             "free_quota"}  # fmt: skip
    about = {"provider", "model", "is_listed", "sources", "checked"}
    assert {field.name for field in fields(Offer)} == shown | about


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("glm-4.7", ["price, input below 32,000 (output below 200)", "¥2 in, ¥8 out, ¥0.4 cached",
                     "was removed", "on 2026-10-10", "2026-07-09", "bigmodel-pricing"]),
        ("glm-4.5", ["98,304 tokens", "enable_thinking true, temperature 0.6", "only without",
                     "1,000,000 tokens, for 180 days", "Taken", "longest chain of thought"]),
        ("glm-5.3-flash", ["not confirmed", "pictures", "video", "always on, low, high, max"]),
        ("glm-5.4", ["at the subscription's address alone", "third-party report"]),
        ("zai/glm-5.2", ["thinking, at the subscription's address", "Coding Plan"]),
        ("~z-ai/glm-latest", ["OpenRouter answers with the newest"]),
    ],
)  # fmt: skip
def test_the_verb_shows_them_in_a_terminal(glm_shell, name, words):
    printed = glm_shell.run(f"%glm models {name}")
    flat = " ".join(printed.split())
    for word in words:
        assert word.lower() in flat.lower(), printed
    assert "key" in printed.splitlines()[0], "the overview comes first"


def test_lines_stay_readable_in_a_terminal(glm_shell):
    for name in NAMES:
        for line in glm_shell.run(f"%glm models {name}").splitlines():
            assert len(line) <= 190, line


def test_a_notebook_gets_tables_with_everything_escaped(glm_shell):
    with capture_output() as captured:
        glm_shell.shell.run_line_magic("glm", "models glm-5.2")
    (output,) = captured.outputs
    html = output.data["text/html"]
    assert html.count("<table>") >= 5
    assert "bigmodel-pricing" in html
    assert "https://docs.z.ai/guides/overview/pricing" in html


@pytest.mark.parametrize("name", ["glm-4.5", "glm-4.7", "glm-5.2", "glm-5.3-flash", "glm-5.4"])
def test_it_is_chinese_where_chinese_is_read(glm_shell, name):
    glm_shell.run("%config GLM.language = 'zh'")
    printed = glm_shell.run(f"%glm models {name}").partition("（不论在何处）")[2]
    for english in ("fact ", "kind of source", "official", "not known", "always on", "price,"):
        assert english not in printed
    assert "来源类型" in printed
    assert "官方" in printed or "第三方信息" in printed
    notes = [row for row in printed.splitlines() if row.startswith("说明")]
    assert notes
    assert all(CHINESE.search(row[4:]) for row in notes)


def test_a_provider_and_a_part_of_a_name_are_lists_as_before(glm_shell):
    assert "kind of source" not in glm_shell.run("%glm models zai")
    assert "kind of source" not in glm_shell.run("%glm models flash")
    assert "kind of source" not in glm_shell.run("%glm models wcode")


def test_the_list_says_what_was_removed_and_puts_it_last(glm_shell):
    rows = [
        row for row in glm_shell.run("%glm models dashscope").splitlines() if " dashscope " in row
    ]
    assert [row.split()[0] for row in rows if "removed on 2026-10-10" in row] == [
        row.split()[0] for row in rows[-2:]
    ]
    assert "glm-5.4" in glm_shell.run("%glm models zai").split("for subscribers alone")[0]


def test_tab_offers_what_is_served():
    offered = candidates.models(SimpleNamespace(catalogue=catalogue(), aliases={}))
    assert {"dashscope/glm-4.5", "zai/glm-4.6", "glm-4.6"} <= set(offered)
    assert not {"dashscope/glm-4.6", "dashscope-intl/glm-4.7", "zai/glm-5.4"} & set(offered)


def test_a_name_of_ones_own_shows_the_model(glm_shell):
    glm_shell.run("%glm alias quick glm-4.5-air")
    assert "glm-4.5-air, wherever it is" in glm_shell.run("%glm models quick")


def test_the_local_models_are_named(glm_shell):
    printed = glm_shell.run("%glm models local")
    assert "smollm2-135m" in printed
    assert "4,096" in printed
    assert "qwen2.5-coder-1.5b" in printed


@pytest.mark.parametrize("provider", ["vllm", "sglang", "llamacpp", "ollama", "lmstudio"])
def test_a_server_of_ones_own_says_where_its_models_are_listed(glm_shell, provider):
    printed = glm_shell.run(f"%glm models {provider}")
    url = catalogue().providers[provider].base_url
    assert f"{url}/models lists what is there" in printed


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("one two three", ["one two", "three"]),
        ("a" * 12, ["a" * 12]),
        ("一二三四五六", ["一二三四", "五六"]),
        ("ab 一二三四五", ["ab 一二", "三四五"]),
    ],
)
def test_a_value_is_cut_where_it_may_be(text, lines):
    assert wrap(text, 8) == lines


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://api.z.ai/api/coding/paas/v4", True),
        ("https://open.bigmodel.cn/api/coding/paas/v4", True),
        ("https://coding.dashscope.aliyuncs.com/v1", True),
        ("https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", True),
        ("https://api.z.ai/api/paas/v4", False),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
def test_the_terms_of_a_subscription_stand_once_beside_its_address(
    glm_shell, monkeypatch, address, shown
):
    monkeypatch.delenv("GLM_PROVIDER", raising=False)
    monkeypatch.setenv("GLM_BASE_URL", address)
    monkeypatch.setenv("GLM_MODEL", "glm-5.2")
    printed = glm_shell.run("%glm config")
    terms = {info.plan_note for info in catalogue().providers.values() if info.plan_note}
    assert sum(printed.count(note) for note in terms) == int(shown), printed
    if "/api/coding/" in address:
        assert "only inside the tools that Z.ai supports" in printed
        assert "https://docs.z.ai/devpack/overview" in printed
    glm_shell.run("%config GLM.language = 'zh'")
    chinese = glm_shell.run("%glm config")
    assert ("按月付费" in chinese or "Coding Plan 的条款" in chinese) is shown


def test_that_costs_are_estimates_stands_beside_an_address_of_ones_own(glm_shell, monkeypatch):
    monkeypatch.setenv("GLM_BASE_URL", "https://proxy.lab/paas/v4")
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    assert "costs are estimates (≈), by the prices of Z.ai" in glm_shell.run("%glm config")
    monkeypatch.setenv("GLM_BASE_URL", "https://api.z.ai/api/paas/v4")
    assert "costs are estimates" not in glm_shell.run("%glm config")


def test_a_type_is_a_schema_and_another_builtin_is_told_what_to_name(glm_shell, model_server):
    from tests.servers.script import Script

    model_server.tell(Script(answer='{"value": 4}'))
    glm_shell.run("%%glm --schema int\ntwo and two?")
    assert glm_shell.shell.user_ns["_glm"].value == 4
    lines = glm_shell.fail("%%glm --schema print\ntwo and two?")
    assert lines[1] == (
        "→ name a type such as bool, int, float, str, list, dict, or a class of the notebook"
    )


@pytest.mark.parametrize(
    ("provider", "value"),
    [("openrouter", "yes, with up to 20 alternatives of each"), ("zai", "no"), ("dashscope", None)],
)
def test_whether_tokens_have_probabilities_and_how_many(provider, value):
    tables = describe(catalogue(), catalogue().models["glm-4.5"], offers_of("glm-4.5"))
    (table,) = (t for t in tables if provider in re.split(r"[ ,]+", t.title))
    values = [row[1] for row in table.rows if row[0] == "probabilities of tokens"]
    assert values == ([] if value is None else [value])
