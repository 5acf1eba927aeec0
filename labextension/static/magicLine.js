// The first line of a prompt cell: whether it is one, and what its words are.

import { OPTIONS } from './options.js';

/** As IPython has it: blank lines and an indentation may stand before a cell magic. */
const PROMPT = /^(?:[^\S\n]*\n)*[^\S\n]*%%glm(?=\s|$)/;
/** The blank lines before it are read so far. */
const FARTHEST = 1000;

/**
 * Flag -> whether a word follows that is its value.
 * @type {Map<string, (word: string) => boolean>}
 */
const TAKES = new Map(
  OPTIONS.flatMap(([flags, value, words]) => {
    const takes = (/** @type {string} */ word) => value !== '' && (!words.length || words.includes(word));
    return flags.split(' ').map(flag => /** @type {const} */ ([flag, takes]));
  })
);

/**
 * Return as much of an editor's text as says whether it is a prompt.
 * @param {import('@codemirror/state').Text} text
 */
export function headOf(text) {
  return text.sliceString(0, FARTHEST);
}

/**
 * Whether a text is a prompt.
 * @param {string} text
 */
export function isPrompt(text) {
  return PROMPT.test(text.slice(0, FARTHEST));
}

/** A word; a quotation in it may hold spaces where it begins the word or follows its `=`. */
const WORD = /(?:[^\s=]*=)?(?:"(?:[^"\\]|\\.)*"|'[^']*')(?=\s|$)|\S+/g;

/**
 * Return the words of a magic's line that are no prompt: the magic, options and their values.
 * @param {string} line
 * @returns {{kind: 'magic' | 'option' | 'value', from: number, to: number}[]}
 */
export function wordsOf(line) {
  /** @type {ReturnType<typeof wordsOf>} */
  const words = [];
  let takes = (/** @type {string} */ _word) => false;
  let others = 0;
  for (const { 0: word, index: from } of line.matchAll(WORD)) {
    const to = from + word.length;
    if (!words.length) {
      words.push({ kind: 'magic', from, to });
      continue;
    }
    if (takes(word)) {
      words.push({ kind: 'value', from, to });
      takes = () => false;
      continue;
    }
    const flag = word.startsWith('-') ? word.split('=', 1)[0] : '';
    const option = TAKES.get(flag.startsWith('--') ? `--${flag.slice(2).replaceAll('_', '-')}` : flag);
    if (option) {
      const end = from + flag.length;
      words.push({ kind: 'option', from, to: end });
      if (end < to) words.push({ kind: 'value', from: end + 1, to });
      takes = end < to ? () => false : option;
    } else if (others++) {
      break; // the first such word may name a model; from the second on it is the prompt
    }
  }
  return words;
}

/**
 * Return the prompt of a cell: what stands below the magic's line, and on it behind the options.
 * @param {string} text
 */
export function promptOf(text) {
  const [line, ...below] = text.trimStart().split('\n');
  const options = wordsOf(line).at(-1)?.to ?? 0;
  return [line.slice(options).trim(), ...below].join('\n').trim();
}
