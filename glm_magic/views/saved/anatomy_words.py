"""The words of the anatomy bar and of the tools for reading reasoning, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from ..words import Words


@dataclass(frozen=True, slots=True)
class AnatomyWords:
    """Labels, in one language."""

    time: str = "time"
    tokens: str = "tokens"
    money: str = "money"
    split: str = "{thinking} thinking + {answer} answer ({percent} %)"
    rate: str = "{count} tokens/s"
    play: str = "Play"
    pause: str = "Pause"
    speed: str = "Speed"
    position: str = "Position in the reply"
    search: str = "Search the reasoning"
    outline: str = "Outline"
    parts: str = "{count} parts"
    marks: str = "{count} marks of self-correction"
    mark: str = "self-correction? (a mark by a list of words, not by understanding)"


ENGLISH = AnatomyWords()
CHINESE = AnatomyWords(
    time="用时",
    tokens="tokens",
    money="费用",
    split="思考 {thinking} + 回答 {answer}(思考占 {percent} %)",
    rate="{count} tokens/s",
    play="播放",
    pause="暂停",
    speed="速度",
    position="回复中的位置",
    search="搜索思考过程",
    outline="大纲",
    parts="{count} 段",
    marks="{count} 处自我纠正标记",
    mark="自我纠正？（仅按词表标记，并非理解）",
)


def anatomy_words(said: Words) -> AnatomyWords:
    """Return the labels in the language of a view's other words."""
    return CHINESE if said.language == "zh" else ENGLISH
