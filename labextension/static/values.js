// Python values in a prompt, `{name.attribute[index]}`: what the kernel would put in.

const ROOT = /^\{[ \t]*([\p{L}_][\p{L}\p{N}_]*)[ \t]*([.[(]|\}$)/u;
const LONGEST = 500;
/** Names that every notebook has. */
const ALWAYS = new Set(['In', 'Out', 'Err', 'True', 'False', 'None']);

/**
 * Return the value whose brace opens at a place, or null where braces mean something else.
 * @param {string} text
 * @param {number} at
 * @returns {{to: number, root: string, call: boolean} | null}
 */
export function valueAt(text, at) {
  if (text[at] !== '{' || text[at + 1] === '{' || text[at - 1] === '{') return null;
  const to = closing(text, at);
  if (!to || text[to] === '}') return null;
  // The braces of TeX and of `x^{n}` are no values.
  if (/(?:\\[A-Za-z]+|[\^_])$/.test(text.slice(Math.max(0, at - 40), at))) return null;
  const match = ROOT.exec(text.slice(at, to));
  if (!match) return null;
  return { to, root: match[1], call: match[2] === '(' };
}

/**
 * Return where a brace that opens at a place is closed, in the same line; 0 where it is not.
 * @param {string} text
 * @param {number} at
 */
function closing(text, at) {
  let depth = 0;
  for (let to = at; to < Math.min(text.length, at + LONGEST); to++) {
    if (text[to] === '\n') return 0;
    if (text[to] === '{') depth += 1;
    if (text[to] === '}') depth -= 1;
    if (!depth) return to + 1;
  }
  return 0;
}

/**
 * Whether nothing can be put in: it is a call, or the kernel has no such name.
 * @param {{root: string, call: boolean}} value
 * @param {ReadonlySet<string> | null} names what the kernel has; null where nobody knows
 */
export function isUnknown({ root, call }, names) {
  if (call) return true;
  return names !== null && !names.has(root) && !root.startsWith('_') && !ALWAYS.has(root);
}
