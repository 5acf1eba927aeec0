"""The labels of all views, in English and Chinese.

Messages of the engine are translated by ``core.i18n``; these are the fixed words around them. They
are saved in notebooks, so they are taken in the reader's language when an output is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.i18n import is_chinese


@dataclass(frozen=True, slots=True)
class Labels:
    """Every label of a view, in one language; the defaults are English.

    A ``{name}`` is filled with `str.format`. A label is plain text: it is escaped where HTML is
    made.
    """

    language: str = "en"

    # What a turn is doing, or how it ended; the names are those of `header.Phase`.
    waiting: str = "waiting"
    retrying: str = "trying again in {time}"
    thinking: str = "thinking"
    answering: str = "answering"
    calling: str = "calling tools"
    stopping: str = "stopping"
    unfinished: str = "unfinished"
    complete: str = "complete"
    incomplete: str = "incomplete"
    interrupted: str = "interrupted"
    failed: str = "failed"

    # The header.
    thought: str = "thought {time}"
    thought_anew: str = "thought {time} more"
    thought_anew_title: str = "the time of what was thought anew"
    took: str = "took {time}"
    took_unthinking: str = "took {time} without thinking"
    first_byte: str = "first byte after {time}"
    whole_reply: str = "whole reply {time}"
    ran: str = "the server ran {model}"
    tokens_in: str = "{count} in"
    tokens_out: str = "{count} out"
    tokens_cached: str = "({count} cached)"
    tokens_reasoning: str = "({count} reasoning)"
    tokens_unknown: str = "tokens n/a"
    speed: str = "{count} tok/s"
    cost_unknown: str = "cost n/a"
    run: str = "run {number}/{count}"
    run_title: str = "later turns see this run; %glm choose N V chooses another"
    run_before: str = "Choose the previous run"
    run_after: str = "Choose the next run"
    stale: str = "answered before the change above"

    # Below the header.
    ended: str = "ended with “{reason}”"
    inserted: str = "in the prompt: {names}"
    shown: str = "shown to the model: {names}"
    shown_tokens: str = "≈{count} tokens"
    shown_pages: str = "{count} pages"
    shown_more: str = "and {count} more"
    look: str = "Show the whole picture"

    # The texts, and why there is none.
    reasoning: str = "Reasoning"
    answer: str = "Answer"
    empty: str = "The reply is empty."
    only_reasoning: str = "The model reasoned, but gave no answer."
    only_tool_calls: str = "The model asked for {names} instead of answering."
    nothing_yet: str = "Nothing had arrived."
    no_answer_yet: str = "There was no answer yet."
    answer_held: str = "The answer is held back; print(_glm) shows it."
    reasoning_held: str = "The reasoning is held back; print(_glm.reasoning) shows it."
    reasoning_folded: str = "The reasoning is folded away; print(_glm.reasoning) shows it."
    in_all: str = "{size} in all; print(_glm.reasoning) shows them"
    tokens: str = "{count} tokens"
    characters: str = "{count} characters"
    left_out: str = "{count} characters left out; print(_glm.reasoning) shows all"
    arriving: str = "The reply is arriving; it is shown here when it is complete."
    unfinished_hint: str = (
        "Unfinished: the reply was still arriving when this was last updated. "
        "If the kernel is gone, %glm resume goes on."
    )
    gone: str = "kernel gone"
    gone_hint: str = (
        "The kernel is gone; this is what had arrived. In a new kernel, this goes on from here:"
    )

    # Tool calls, and requests made again; `call_…` are named for `RunStatus`.
    arguments: str = "arguments"
    result: str = "result"
    call_running: str = "running"
    call_done: str = "done"
    call_failed: str = "failed"
    call_refused: str = "not called"
    call_interrupted: str = "interrupted"
    hurried: str = "The thinking was cut short; the model was asked again without it."
    repaired: str = "The answer did not fit the schema, and the model was asked again."

    pushed: str = "It would have stopped thinking, and was made to go on."
    ended_thought: str = "The thought was ended there, and the answer asked for."

    # The parts of a thought that was begun, changed or prolonged.
    thought_kept: str = "kept"
    thought_changed: str = "changed to"
    thought_begun: str = "begun for the model"
    thought_pushed: str = "made to think on"
    thought_came: str = "what came of it"
    thought_before: str = "before"
    thought_answer_before: str = "the answer then"
    pencil: str = "Change the thought"
    pencil_title: str = "Change a sentence and let the model think on from there"
    sentence_title: str = "Think again from here"
    think_on: str = "Think on from here"
    cancel: str = "Cancel"

    # Buttons.
    stop: str = "Stop"
    stop_title: str = "Stop the reply and keep what has arrived"
    copy: str = "Copy"
    copy_title: str = "Copy the answer as Markdown"
    copy_plain: str = "as text"
    copy_plain_title: str = "Copy the answer as plain text"
    copied: str = "Copied"
    copy_failed: str = "Not copied"
    answer_now: str = "Answer now"
    answer_now_title: str = "Stop thinking and answer at once; both requests are counted"
    show_answer: str = "Show the answer"
    show_reasoning: str = "Show the reasoning"
    reply_of: str = "Reply of {model}"
    asks: str = "The model asks to call this function:"
    allow: str = "Allow"
    refuse: str = "Refuse"

    # Thinking and answer by time, tokens and money.
    timeline: str = "Timeline"
    measure_time: str = "time"
    measure_tokens: str = "tokens"
    measure_money: str = "money"
    share: str = "{percent} % thinking"
    split: str = "{thinking} thinking + {answer} answer"

    # The player and the outline of the reasoning.
    play: str = "Play"
    pause: str = "Pause"
    playback_speed: str = "Speed"
    playback_position: str = "Position in the reply"
    search_reasoning: str = "Search the reasoning"
    outline: str = "Outline"
    outline_parts: str = "{count} parts"
    outline_mark: str = "1 mark of self-correction"
    outline_marks: str = "{count} marks of self-correction"
    mark_title: str = "self-correction? (matched by a list of words, not by understanding)"

    # How sure the model was.
    doubt: str = "Doubt"
    doubt_count: str = "{count} of {total} tokens could well have been another"
    doubt_some: str = "some"
    doubt_more: str = "more"
    doubt_most: str = "most doubt"
    doubt_legend: str = "Hover a marked token, or press Tab: how likely it was, and what else was."

    # A comparison.
    lane: str = "Lane"
    model: str = "Model"
    first_thought: str = "first thought"
    thinking_time: str = "thinking"
    total_time: str = "total"
    output_tokens: str = "tokens out"
    cost: str = "cost"
    difference: str = "Difference to {label}"
    reference: str = "compared with this"
    none: str = "none"
    no_thinking: str = "no thinking"
    unknown: str = "n/a"

    # The weights of a thought's sentences.
    anchors: str = "How far the answers move without each sentence"
    anchors_weight: str = "weight"
    anchors_sentence: str = "sentence"

    # A call over many rows.
    many_running: str = "asking"
    many_reading: str = "reading the rows"
    many_read: str = "{count} of {rows} rows read"
    many_ended: str = "{count} of {rows} rows"
    many_failed: str = "{count} failed"
    many_left: str = "{count} left"
    many_reused: str = "{count} not asked again"
    many_rate: str = "{rate} rows/s"
    many_cost_of: str = "{cost} of {whole} expected"
    many_to_go: str = "{time} to go"
    many_row: str = "row {number}"
    many_failures: str = "{count} failed: why"
    many_stop_title: str = "Stop, and keep every row that has ended"
    vote_ended: str = "{count} of {rows} samples"
    vote_sample: str = "sample {number}"
    vote_thoughts: str = "{count} of them thought; what led to this answer:"
    vote_more: str = "{count} more; out[N].reasoning shows each"
    vote_others: str = "{count} other answers"
    many_dask: str = "Dask dashboard"
    many_unfinished: str = "The rows were still being asked when this was saved."


ENGLISH = Labels()

CHINESE = Labels(
    language="zh",
    # What a turn is doing, or how it ended; the names are those of `header.Phase`.
    waiting="等待中",
    retrying="{time} 后重试",
    thinking="思考中",
    answering="回答中",
    calling="调用工具中",
    stopping="正在停止",
    unfinished="未完成",
    complete="完成",
    incomplete="不完整",
    interrupted="已中断",
    failed="失败",
    # The header.
    thought="思考 {time}",
    thought_anew="又思考 {time}",
    thought_anew_title="只计新思考的时间",
    took="用时 {time}",
    took_unthinking="未思考，用时 {time}",
    first_byte="首字节 {time}",
    whole_reply="全程 {time}",
    ran="服务器实际运行 {model}",
    tokens_in="输入 {count}",
    tokens_out="输出 {count}",
    tokens_cached="(缓存 {count})",
    tokens_reasoning="(思考 {count})",
    tokens_unknown="tokens 未知",
    speed="{count} tok/s",
    cost_unknown="费用未知",
    run="第 {number}/{count} 次运行",
    run_title="后面的提示使用这次运行；%glm choose N V 可选用另一次",
    run_before="改用前一次运行",
    run_after="改用后一次运行",
    stale="在上文更改之前回答",
    # Below the header.
    ended="结束原因：{reason}",
    inserted="已放入提示：{names}",
    shown="提供给模型：{names}",
    shown_tokens="≈{count} tokens",
    shown_pages="{count} 页",
    shown_more="另有 {count} 个",
    look="显示完整图片",
    # The texts, and why there is none.
    reasoning="思考过程",
    answer="回答",
    empty="回复为空。",
    only_reasoning="模型只给出了思考过程，没有回答。",
    only_tool_calls="模型没有回答，而是请求调用 {names}。",
    nothing_yet="尚未收到任何内容。",
    no_answer_yet="尚未开始回答。",
    answer_held="回答已隐藏；print(_glm) 可显示。",
    reasoning_held="思考过程已隐藏；print(_glm.reasoning) 可显示。",
    reasoning_folded="思考过程已折叠；print(_glm.reasoning) 可显示。",
    in_all="共 {size}；print(_glm.reasoning) 可显示全部",
    tokens="{count} tokens",
    characters="{count} 个字符",
    left_out="省略 {count} 个字符；print(_glm.reasoning) 可显示全部",
    arriving="回复正在到达，完成后会显示在这里。",
    unfinished_hint="未完成：上次更新时回复仍在到达。如果内核已不在，可用 %glm resume 继续。",
    gone="内核已不在",
    gone_hint="内核已不在；以上是已收到的内容。在新内核中可以这样继续：",
    # Tool calls, and requests made again; `call_…` are named for `RunStatus`.
    arguments="参数",
    result="结果",
    call_running="运行中",
    call_done="完成",
    call_failed="失败",
    call_refused="未调用",
    call_interrupted="已中断",
    hurried="思考已提前结束，并关闭思考重新请求。",
    repaired="回答不符合指定结构，已重新请求。",
    pushed="模型将要停止思考，已让它继续。",
    ended_thought="思考在此结束，并请求给出回答。",
    # The parts of a thought that was begun, changed or prolonged.
    thought_kept="保留",
    thought_changed="改为",
    thought_begun="为模型写好的开头",
    thought_pushed="让它继续思考",
    thought_came="由此产生",
    thought_before="原来",
    thought_answer_before="当时的回答",
    pencil="修改思考",
    pencil_title="修改一句，让模型从那里继续思考",
    sentence_title="从这里重新思考",
    think_on="从这里继续思考",
    cancel="取消",
    # Buttons.
    stop="停止",
    stop_title="停止生成并保留已收到的内容",
    copy="复制",
    copy_title="以 Markdown 复制回答",
    copy_plain="纯文本",
    copy_plain_title="以纯文本复制回答",
    copied="已复制",
    copy_failed="复制失败",
    answer_now="立即回答",
    answer_now_title="停止思考，立即回答；两次请求都会计费",
    show_answer="显示回答",
    show_reasoning="显示思考过程",
    reply_of="{model} 的回复",
    asks="模型请求调用此函数：",
    allow="允许",
    refuse="拒绝",
    # Thinking and answer by time, tokens and money.
    timeline="时间线",
    measure_time="用时",
    measure_tokens="tokens",
    measure_money="费用",
    share="思考占 {percent} %",
    split="思考 {thinking} + 回答 {answer}",
    # The player and the outline of the reasoning.
    play="播放",
    pause="暂停",
    playback_speed="速度",
    playback_position="回复中的位置",
    search_reasoning="搜索思考过程",
    outline="大纲",
    outline_parts="{count} 段",
    outline_mark="1 处自我纠正标记",
    outline_marks="{count} 处自我纠正标记",
    mark_title="自我纠正？（仅按词表标记，并非理解）",
    # How sure the model was.
    doubt="犹豫之处",
    doubt_count="{count} 个 token 很可能是别的（共 {total} 个）",
    doubt_some="略有",
    doubt_more="较多",
    doubt_most="非常犹豫",
    doubt_legend="将指针移到带标记的 token 上，或按 Tab 键：可看到它的概率，以及其他可能的 token。",
    # A comparison.
    lane="设置",
    model="模型",
    first_thought="开始思考",
    thinking_time="思考用时",
    total_time="总用时",
    output_tokens="输出 tokens",
    cost="费用",
    difference="与 {label} 的差别",
    reference="以此为准",
    none="无",
    no_thinking="未思考",
    unknown="未知",
    # The weights of a thought's sentences.
    anchors="去掉每一句后回答变化的程度",
    anchors_weight="权重",
    anchors_sentence="句子",
    # A call over many rows.
    many_running="进行中",
    many_reading="正在读取各行",
    many_read="已读取 {count}/{rows} 行",
    many_ended="{count}/{rows} 行",
    many_failed="失败 {count} 行",
    many_left="剩余 {count} 行",
    many_reused="无需再问 {count} 行",
    many_rate="每秒 {rate} 行",
    many_cost_of="{cost}，预计共 {whole}",
    many_to_go="还需 {time}",
    many_row="第 {number} 行",
    many_failures="失败 {count} 行：原因",
    many_stop_title="停止，并保留所有已结束的行",
    vote_ended="{count}/{rows} 个样本",
    vote_sample="样本 {number}",
    vote_thoughts="其中 {count} 次有思考过程；得出此回答的过程：",
    vote_more="还有 {count} 次；out[N].reasoning 可显示",
    vote_others="另有 {count} 种回答",
    many_dask="Dask 仪表板",
    many_unfinished="保存时各行尚未问完。",
)


def labels_for(language: str | None = None) -> Labels:
    """Return the labels in a language.

    Parameters
    ----------
    language : str, optional
        A tag such as ``"zh_CN"``; ``None`` takes the language that the user reads.
    """
    return CHINESE if is_chinese(language) else ENGLISH
