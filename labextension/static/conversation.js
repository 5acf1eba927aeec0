// The conversation of a notebook as Markdown, from what the file has.

import { repliesOf, textOf, turnsOf } from './cells.js';
import { promptOf } from './magicLine.js';

/**
 * Return prompts as quotes, and answers with their reasoning.
 * @param {import('@jupyterlab/cells').Cell[]} cells
 */
export function markdownOf(cells) {
  const parts = cells.map((cell, at) => {
    const quoted = promptOf(textOf(cell)).split('\n').map(line => `> ${line}`.trimEnd());
    return [`## ${at + 1}`, quoted.join('\n'), ...repliesOf(cell).map(replyOf)].join('\n\n');
  });
  return `${parts.join('\n\n')}\n`;
}

/** @param {any} output */
function replyOf(output) {
  const data = output.data ?? {};
  const text = [data['text/markdown'] ?? data['text/plain'] ?? ''].flat().join('').trim();
  const models = turnsOf(output).map(turn => `${turn.model} · ${turn.provider}`);
  return `${text}\n\n<sub>${[...new Set(models)].join(', ').replace(/[<>&]/g, '')}</sub>`;
}
