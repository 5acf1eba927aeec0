"""Errors and sentences in Chinese, by the setting or the locale; the Python side stays English."""

from __future__ import annotations

import pytest

from glm_magic.core import i18n
from tests.servers.script import Failure, Script


@pytest.fixture(autouse=True)
def english_locale(monkeypatch):
    for name in i18n.LOCALE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_a_prompt_that_fails_says_so_in_two_chinese_lines_with_the_models_name(
    glm_shell, monkeypatch
):
    monkeypatch.delenv("GLM_BASE_URL")  # at an address of one's own any name may be right
    glm_shell.run("%config GLM.language = 'zh'")
    lines = glm_shell.fail("%%glm -m glm-9.9-nonsense\nwhy?")
    assert len(lines) == 2
    assert lines[0].startswith("UnknownNameError: ")
    assert "的模型目录中没有 'glm-9.9-nonsense'" in lines[0]
    assert lines[1].startswith("→ ")
    assert "可用的有 " in lines[1]
    assert str(glm_shell.error).startswith("Z.ai has no model named 'glm-9.9-nonsense'")


def test_a_service_speaks_for_itself_and_the_hint_is_chinese(glm_shell, model_server):
    glm_shell.run("%config GLM.language = 'zh'")
    model_server.tell(Script(refusal=Failure(429, "1113", "Your account has no balance")))
    lines = glm_shell.fail("%%glm\nwhy?")
    assert "BillingError: Your account has no balance" in lines
    assert any(line.startswith("→ 没有余额或资源包：请充值") for line in lines)


def test_the_locale_chooses_where_nothing_is_set(glm_shell, monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "没有选项 --nonsense" in glm_shell.fail("%%glm --nonsense\nwhy?")[0]
    glm_shell.run("%config GLM.language = 'en'")
    assert "there is no option --nonsense" in glm_shell.fail("%%glm --nonsense\nwhy?")[0]


def test_english_stays_as_it_is(glm_shell):
    assert glm_shell.fail("%%glm --max-tokens ten\nwhy?") == [
        "InvalidValueError: --max-tokens needs a whole number, not 'ten'",
        "→ write --max-tokens N: longest reply, tokens",
    ]


def test_the_help_on_an_option_is_part_of_a_chinese_hint(glm_shell):
    glm_shell.run("%config GLM.language = 'zh'")
    assert glm_shell.fail("%%glm --max-tokens ten\nwhy?") == [
        "InvalidValueError: --max-tokens 需要整数，不能是 'ten'",
        "→ 请写 --max-tokens N：回复的最大长度（tokens）",
    ]


def test_verbs_speak_chinese_too(glm_shell):
    glm_shell.run("%config GLM.language = 'zh'")
    assert "之后的提示属于会话 physics，它目前为空。" in glm_shell.run("%glm new physics")
    assert "回复的最大长度（tokens）" in glm_shell.run("%glm help")
    assert "没有正在运行的任务。" in glm_shell.run("%glm stop")


def test_the_remarks_of_a_reply_are_chinese(glm_shell, model_server):
    glm_shell.run("%config GLM.language = 'zh'")
    model_server.tell(Script(answer="Half", finish="length"))
    printed = glm_shell.run("%%glm\nwhy?")
    assert "回复达到 token 上限而被截断；调大 --max-tokens 可获得更完整的回复" in printed


def test_unloading_takes_the_language_back(glm_shell):
    glm_shell.run("%config GLM.language = 'zh'")
    glm_shell.run("%unload_ext glm_magic")
    assert i18n.chosen is None
    glm_shell.run("%load_ext glm_magic")
