// What a person reads, in Chinese. The English text is the key.

/** @type {Record<string, string>} */
export const CHINESE = {
  'GLM prompts': 'GLM 提示词',
  'How notebooks show %%glm cells, and what they offer around them.':
    '笔记本如何显示 %%glm 单元格，以及在其周围提供什么。',
  'Prompts as text': '提示词按文本显示',
  'Show %%glm cells as wrapped Markdown instead of Python.':
    '把 %%glm 单元格显示为自动换行的 Markdown，而不是 Python。',
  Commands: '命令',
  'Offer to ask about cells, to explain and fix errors, to ask again, to stop, to fold and to copy.':
    '提供以下命令：询问单元格、解释和修复错误、重新提问、停止、折叠和复制。',
  'Ask about this cell': '询问此单元格',
  'Explain this error': '解释此错误',
  'Fix this error': '修复此错误',
  'Ask again': '重新提问',
  'Stop the reply': '停止回复',
  'Fold or open all reasoning': '折叠或展开所有思考过程',
  'Copy the conversation as Markdown': '将对话复制为 Markdown',
  'Explain this error, and how to avoid it.': '请解释这个错误，以及如何避免它。',
  'Say in one or two sentences why this cell failed, then give the whole corrected cell in one Python code block.':
    '请用一两句话说明此单元格为何出错，然后在一个 Python 代码块中给出完整的更正后的单元格。',
  'Status line': '状态栏',
  'Show model, turns, context, tokens and cost of the notebook.':
    '显示笔记本的模型、轮数、上下文、token 用量和费用。',
  '1 turn': '1 轮',
  '{turns} turns': '{turns} 轮',
  '{input} in, {output} out': '输入 {input}，输出 {output}',
  '{jobs} running': '{jobs} 个正在运行',
  'context {used} of {limit} tokens': '上下文 {used} / {limit} tokens'
};
