"""The words of a comparison, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from ..words import Words


@dataclass(frozen=True, slots=True)
class CompareWords:
    """The labels of a comparison's rows, in one language."""

    title: str = "{count} lanes"
    lane: str = "Lane"
    model: str = "Model"
    reasoning: str = "Reasoning"
    answer: str = "Answer"
    first_thought: str = "first thought"
    thinking: str = "thinking"
    total: str = "total"
    tokens: str = "tokens out"
    cost: str = "cost"
    difference: str = "Difference to {label}"
    reference: str = "compared with this"
    same: str = "none"
    none: str = "none"
    unknown: str = "n/a"
    unfinished: str = "{count} lanes: the replies were still arriving when this was saved."


ENGLISH = CompareWords()
CHINESE = CompareWords(
    title="{count} 路对比",
    lane="设置",
    model="模型",
    reasoning="思考过程",
    answer="回答",
    first_thought="开始思考",
    thinking="思考用时",
    total="总用时",
    tokens="输出 tokens",
    cost="费用",
    difference="与 {label} 的差别",
    reference="以此为准",
    same="无",
    none="无",
    unknown="未知",
    unfinished="{count} 路对比：保存时回复尚未结束。",
)


def compare_words(said: Words) -> CompareWords:
    """Return the labels in the language of a view's other words."""
    return CHINESE if said.language == "zh" else ENGLISH
