// Python values in a prompt, `{name.attribute[index]}`: what the kernel would put in. Code and
// formulas are left out by who calls, as the syntax tree knows them.

const NAME = '[\\p{L}_][\\p{L}\\p{N}_]*';
const VALUE = new RegExp(
  `^\\{[ \\t]*(${NAME})[ \\t]*(?:\\.${NAME}|\\[[^\\[\\]{}]*\\])*(\\([^{}]*\\)[^{}]*)?[ \\t]*\\}$`,
  'u'
);
const CALL = new RegExp(`^\\{[ \\t]*${NAME}[ \\t]*\\(`, 'u');
/** What braces may follow: a TeX command, `^` or `_`; an escaped character; an opening brace. */
const START = /(?<script>\\[A-Za-z]+\*?|[\^_](?=\{))|\\.|\{/g;
const LONGEST = 500;
/** Names that every notebook has. */
const ALWAYS = new Set(['In', 'Out', 'Err']);

/** @typedef {{from: number, to: number, root: string, call: boolean}} Value */

/**
 * Yield the values of a text.
 * @param {string} text
 * @returns {Generator<Value>}
 */
export function* valuesIn(text) {
  const start = new RegExp(START);
  for (let match = start.exec(text); match; match = start.exec(text)) {
    const from = match.index;
    const at = start.lastIndex;
    if (match[0] !== '{') {
      if (match.groups?.script) start.lastIndex = afterGroups(text, at);
      continue;
    }
    const to = closing(text, from);
    if (!to) continue;
    if (text[at] === '{' && closing(text, at) === to - 1) {
      start.lastIndex = to; // {{…}} is a pair of plain braces
      continue;
    }
    const braces = text.slice(from, to);
    const value = CALL.test(braces) ? null : VALUE.exec(braces);
    if (!value) continue;
    yield { from, to, root: value[1], call: value[2] !== undefined };
    start.lastIndex = to;
  }
}

/**
 * Return the end of the brace groups at a place, past `[…]` between them.
 * @param {string} text
 * @param {number} at
 */
function afterGroups(text, at) {
  for (;;) {
    const optional = /^\[[^[\]{}\n]*\]/.exec(text.slice(at, at + LONGEST))?.[0].length ?? 0;
    const to = text[at + optional] === '{' ? closing(text, at + optional) : 0;
    if (!to) return at;
    at = to;
  }
}

/**
 * Return where a brace that opens at a place is closed, in the same line; 0 where it is not.
 * @param {string} text
 * @param {number} from
 */
function closing(text, from) {
  let depth = 0;
  for (let at = from; at < Math.min(text.length, from + LONGEST); at++) {
    if (text[at] === '\n') return 0;
    if (text[at] === '\\') at += 1;
    else if (text[at] === '{') depth += 1;
    else if (text[at] === '}' && !--depth) return at + 1;
  }
  return 0;
}

/**
 * Whether nothing can be put in: it is a call, or the kernel has no such name.
 * @param {{root: string, call: boolean}} value
 * @param {{has: (name: string) => boolean} | null} names what the kernel has; null where nobody knows
 */
export function isUnknown({ root, call }, names) {
  if (call) return true;
  return names !== null && !names.has(root) && !root.startsWith('_') && !ALWAYS.has(root);
}
