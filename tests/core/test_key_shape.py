"""What people set in place of a key, told apart before anything is sent."""

from __future__ import annotations

import pytest

from glm_magic.core.i18n import translate
from glm_magic.core.secret import key_problem

KEY = "sk-Zq7+vR/Xw9_secret.k3y=="
WRONG = {
    "quotation marks": [f"{left}{KEY}{right}" for left, right in
                        ('""', "''", "``", "“”", "‘’", "「」", "『』", "«»", "＂＂", "„“")]
    + [f'"{KEY}', f"{KEY}'"],
    "its name": [f"KEY={KEY}", f"ZAI_API_KEY={KEY}", f"export ZAI_API_KEY={KEY}",
                 f'export ZAI_API_KEY="{KEY}"', f"set ZAI_API_KEY={KEY}", f"ZAI_API_KEY: {KEY}",
                 f"ZAI_API_KEY = {KEY}", f'"api_key": "{KEY}"', f"%set_env GLM_API_KEY={KEY}",
                 f'$env:GLM_API_KEY="{KEY}"', f"token={KEY}"],
    "like a header": [f"Bearer {KEY}", f"bearer {KEY}", f"Authorization: Bearer {KEY}",
                      f"authorization:{KEY}", f"Bearer:{KEY}", f"Basic {KEY}"],
    "brackets": [f"{left}{KEY}{right}" for left, right in
                 ("<>", "[]", "{}", "()", "（）", "【】", "《》")] + [f"<{KEY}", f"{KEY}]"],
    "at its end": [f"{KEY}{mark}" for mark in ";,:；，。"] + [f"={KEY}", f",{KEY}"],
    "name of a variable": ["${ZAI_API_KEY}", "$ZAI_API_KEY", "%ZAI_API_KEY%", "ZAI_API_KEY",
                           "{{ZAI_API_KEY}}", "$(cat key)", "os.environ['ZAI_API_KEY']",
                           "process.env.ZAI_API_KEY"],
    "placeholder": ["your-api-key", "YOUR_API_KEY", "your_key", "sk-your-key-here", "<your key>",
                    "sk-xxxx", "sk-xxxxxxxxxxxxxxxx", "sk-XXXX", "xxxxxxxx.xxxxxxxx", "xxxx",
                    "sk-or-v1-xxxxxxxx", "your_dashscope_api_key_here", "my-api-key", "api_key",
                    "insert-key-here", "REPLACE_ME", "changeme", "placeholder", "你的密钥",
                    "<your-api-key>", "{your_api_key}", "您的API密钥", "YOUR KEY",
                    "paste-your-key"],
    "shortened": ["sk-...", "sk-abc…xyz", "sk-****abcd", "sk-abc...xyz", "sk-ab•••yz"],
    "invisible": [f"{KEY[:4]}\u200b{KEY[4:]}", f"\ufeff{KEY}", f"{KEY}\u200d", f"{KEY}\u00ad",
                  f"\u2060{KEY}", f"\u202a{KEY}\u202c"],
    "more than one line": [f"{KEY[:9]}\n{KEY[9:]}", f"{KEY}\r\n{KEY}", f"{KEY[:9]}\u2028{KEY[9:]}"],
    "white space": [f"{KEY[:9]} {KEY[9:]}", f"{KEY[:9]}\t{KEY[9:]}", f"{KEY[:9]}\u00a0{KEY[9:]}"],
    "characters that no": ["sk-é1234", "ｓｋ－1234", "sk-абв123", "sk-\x00123"],
}  # fmt: skip


@pytest.mark.parametrize(("words", "text"), [(k, t) for k, texts in WRONG.items() for t in texts])
def test_a_mistake_is_named_and_the_key_is_not_shown(words: str, text: str) -> None:
    problem = key_problem(text, "ZAI_API_KEY")
    assert problem is not None
    message, hint = problem
    assert words in message
    assert "ZAI_API_KEY" in message + hint
    for told in (message, hint, translate(message, "zh"), translate(hint, "zh")):
        assert "\n" not in told
        assert KEY[:9] not in told
        assert KEY[9:] not in told


@pytest.mark.parametrize(
    "key",
    [
        KEY, f"  {KEY}\r\n", f"\u00a0{KEY}\u3000", "a" * 32 + "." + "B" * 16, "0" * 40,
        "sk-or-v1-0123456789abcdef", "eyJhbGciOi.eyJz.x-_y", "QUJDREVG==", "abckey==",
        "EMPTY", "none", "ollama", "lm-studio", "dummy", "not-needed", "sk-no-key-required",
        "token-abc123", "test-key", "sk-1234", "k",
    ],
)  # fmt: skip
def test_a_key_passes(key: str) -> None:
    """Servers of one's own take any word."""
    assert key_problem(key, "GLM_API_KEY") is None


@pytest.mark.timeout(5)
def test_a_long_text_is_judged_at_once() -> None:
    for text in ("my" + "a" * 100_000, "x" * 100_000 + "y", "your-" * 20_000, "key" * 30_000 + "!"):
        key_problem(text, "ZAI_API_KEY")
