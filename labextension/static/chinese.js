// What a person reads, in Chinese. The English text is the key.

/** @type {Record<string, string>} */
export const CHINESE = {
  'GLM prompts': 'GLM 提示词',
  'How notebooks show %%glm cells, and what they offer around them.':
    '笔记本如何显示 %%glm 单元格，以及在其周围提供什么。',
  'Prompts as text': '提示词按文本显示',
  'Show %%glm cells as wrapped Markdown instead of Python.':
    '把 %%glm 单元格显示为自动换行的 Markdown，而不是 Python。'
};
