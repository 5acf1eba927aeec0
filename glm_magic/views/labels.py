"""The words on a panel, in English and Chinese.

The words of the anatomy bar and of the tools for reading reasoning, in English and Chinese.

The words of a comparison, in English and Chinese.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.i18n import is_chinese


@dataclass(frozen=True, slots=True)
class Labels:
    """Every label of a view, in one language."""

    language: str = "en"
    waiting: str = "waiting"
    retrying: str = "trying again in {time}"
    thinking: str = "thinking"
    answering: str = "answering"
    calling: str = "calling tools"
    stopping: str = "stopping"
    complete: str = "complete"
    incomplete: str = "incomplete"
    interrupted: str = "interrupted"
    failed: str = "failed"
    reasoning: str = "Reasoning"
    answer: str = "Answer"
    thought: str = "thought {time}"
    took: str = "took {time}"
    first_byte: str = "first byte after {time}"
    whole_reply: str = "whole reply {time}"
    ran: str = "the server ran {model}"
    tokens_in: str = "{count} in"
    tokens_out: str = "{count} out"
    tokens_cached: str = "({count} cached)"
    tokens_reasoning: str = "({count} reasoning)"
    tokens: str = "{count} tokens"
    tokens_unknown: str = "tokens n/a"
    speed: str = "{count} tok/s"
    cost_unknown: str = "cost n/a"
    ended: str = "ended with “{reason}”"
    inserted: str = "in the prompt: {names}"
    empty: str = "The reply is empty."
    only_reasoning: str = "The model reasoned, but gave no answer."
    only_tool_calls: str = "The model asked for {names} instead of answering."
    nothing_yet: str = "Nothing had arrived."
    no_answer_yet: str = "There was no answer yet."
    queue_dropped: str = "Stopped by a kernel interrupt: cells that were queued did not run."
    run: str = "run {number}/{count}"
    run_title: str = "later turns see this run; %glm choose N V takes another one"
    run_before: str = "Take the run before this one"
    run_after: str = "Take the run after this one"
    arguments: str = "arguments"
    result: str = "result"
    call_running: str = "running"
    call_done: str = "done"
    call_failed: str = "failed"
    call_refused: str = "not approved"
    call_interrupted: str = "interrupted"
    hurried: str = "The thinking was cut short, and the model asked again without it."
    repaired: str = "The answer did not fit the schema, and the model was asked again."
    show_answer: str = "Show the answer"
    show_reasoning: str = "Show the reasoning"
    answer_held: str = "The answer is held back; print(_glm) shows it."
    reasoning_held: str = "The reasoning is held back; print(_glm.reasoning) shows it."
    answer_now: str = "Answer now"
    answer_now_title: str = "Stop thinking and answer at once; both requests are counted"
    stale: str = "answered before the change above"
    stop: str = "Stop"
    copy: str = "Copy"
    copied: str = "Copied"
    copy_failed: str = "Not copied"
    stop_title: str = "Stop the reply and keep what has arrived"
    copy_title: str = "Copy the answer as Markdown"
    reply_of: str = "Reply of {model}"
    arriving: str = "The reply is arriving; it is shown here when it is complete."
    unfinished: str = "{model}: the reply was still arriving when this was saved."


ENGLISH = Labels()

CHINESE = Labels(
    language="zh",
    waiting="等待中",
    retrying="{time} 后重试",
    thinking="思考中",
    answering="回答中",
    calling="调用工具中",
    stopping="正在停止",
    complete="完成",
    incomplete="不完整",
    interrupted="已中断",
    failed="失败",
    reasoning="思考过程",
    answer="回答",
    thought="思考 {time}",
    took="用时 {time}",
    first_byte="首字节 {time}",
    whole_reply="全程 {time}",
    ran="服务器实际运行 {model}",
    tokens_in="输入 {count}",
    tokens_out="输出 {count}",
    tokens_cached="(缓存 {count})",
    tokens_reasoning="(思考 {count})",
    tokens="{count} tokens",
    tokens_unknown="tokens 未知",
    speed="{count} tok/s",
    cost_unknown="费用未知",
    ended="结束原因：{reason}",
    inserted="已放入提示：{names}",
    empty="回复为空。",
    only_reasoning="模型只给出了思考过程，没有回答。",
    only_tool_calls="模型没有回答，而是请求调用 {names}。",
    nothing_yet="尚未收到任何内容。",
    no_answer_yet="尚未开始回答。",
    queue_dropped="由内核中断停止，排队的单元格没有运行。",
    run="第 {number}/{count} 次运行",
    run_title="后面的提示使用这次运行；%glm choose N V 可选用另一次",
    run_before="改用前一次运行",
    run_after="改用后一次运行",
    arguments="参数",
    result="结果",
    call_running="运行中",
    call_done="完成",
    call_failed="失败",
    call_refused="未获批准",
    call_interrupted="已中断",
    hurried="思考已提前结束，并关闭思考重新请求。",
    repaired="回答不符合指定结构，已重新请求。",
    show_answer="显示回答",
    show_reasoning="显示思考过程",
    answer_held="回答已隐藏；print(_glm) 可显示。",
    reasoning_held="思考过程已隐藏；print(_glm.reasoning) 可显示。",
    answer_now="立即回答",
    answer_now_title="停止思考，立即回答；两次请求都会计费",
    stale="在上文更改之前回答",
    stop="停止",
    copy="复制",
    copied="已复制",
    copy_failed="复制失败",
    stop_title="停止生成并保留已收到的内容",
    copy_title="以 Markdown 复制回答",
    reply_of="{model} 的回复",
    arriving="回复正在到达，完成后会显示在这里。",
    unfinished="{model}：保存时回复尚未结束。",
)


def labels_for(language: str | None = None) -> Labels:
    """Return the words of a language, or of the one that the user reads when it is ``None``."""
    return CHINESE if is_chinese(language) else ENGLISH


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


_BREAKDOWN_ENGLISH = AnatomyWords()

_BREAKDOWN_CHINESE = AnatomyWords(
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


def anatomy_words(said: Labels) -> AnatomyWords:
    """Return the labels in the language of a view's other words."""
    return _BREAKDOWN_CHINESE if said.language == "zh" else _BREAKDOWN_ENGLISH


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


_COMPARE_ENGLISH = CompareWords()

_COMPARE_CHINESE = CompareWords(
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


def compare_words(said: Labels) -> CompareWords:
    """Return the labels in the language of a view's other words."""
    return _COMPARE_CHINESE if said.language == "zh" else _COMPARE_ENGLISH
