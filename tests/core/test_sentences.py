"""Where the sentences of a thought begin and end: one rule for the panel, the verb and anchors."""

from __future__ import annotations

import pytest

from glm_magic.core.sentences import sentences

CODE = "```python\nx = 1. \ny = x. Real\n```"
NESTED = "~~~\na. B. C\n```\nD. E\n~~~"
CASES: dict[str, tuple[str, ...]] = {
    "stops": ("One.", "Two!", "Three?", "Four"),
    "decimals": ("Pi is 3.14, so 2.5 times it is 7.85.", "Fine."),
    "abbreviations": ("Primes, e.g. 7, i.e. no divisors.", "Dr. Li knows.", "See No. 3."),
    "numbered": ("See Fig. 3 and Eq. 2.", "Then stop."),
    "initials": ("J. S. Bach wrote it.", "Yes."),
    "hesitation": ("Hmm... wait, no.", "Right…", "Yes."),
    "small letters": ("Is it?", "maybe!", "yes."),
    "quotes": ('He said "stop."', "Then (really?)", "he left."),
    "formulas": ("Use `a. B` there.", "And $x. Y$ too.", "Or \\(a. B\\)."),
    "addresses": ("See https://example.org/a.b.", "Then go."),
}
WITHOUT_GAP: dict[str, tuple[str, ...]] = {
    "chinese": ("先算一下。", "51 等于 3.0 乘 17！", "所以不是质数？", "对；", "完"),
    "chinese quotes": ("他说“不对。”", "然后重算。"),
}
LINES: dict[str, tuple[str, ...]] = {
    "list": ("1. First step.", "2. Second.", "- a point", "* another", "（三）第三。"),
    "headings": ("# Plan", "Go on.", "", "Done."),
    "steps": ("x = 3", "So y = 4"),
    "code": ("Code:", CODE, "After."),
    "code in code": (NESTED, "F."),
    "code that was cut": ("It was cut:", "```\nx = 1. Y"),
}


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        *((" ", case) for case in CASES.values()),
        *(("", case) for case in WITHOUT_GAP.values()),
        *(("\n", case) for case in LINES.values()),
        *(("\n\n", case) for case in (*CASES.values(), *WITHOUT_GAP.values(), *LINES.values())),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_thought_is_cut_where_a_reader_would(gap: str, expected: tuple[str, ...]) -> None:
    assert texts(gap.join(expected)) == [text for text in expected if text]


def test_a_list_item_may_hold_several() -> None:
    assert texts("1. First. Then more.\n") == ["1. First.", "Then more."]


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n ", "One. Two.\n\n```\na\n```\n 三。四！ ", "a\r\nb\r\n", "…\n。\n.", "1)\n2)\n"),
        "x\u2028y. Z",
    ],
    ids=repr,
)
def test_nothing_but_blanks_lies_between_the_sentences(text: str) -> None:
    at = 0
    for sentence in sentences(text):
        assert not text[at : sentence.start].strip()
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip()
        at = sentence.end
    assert not text[at:].strip()
