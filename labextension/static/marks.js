// What is marked in a prompt: the magic's line with its options, and the values of braces.
//
// Only what is in sight is marked, so a long prompt costs no more than a short one.

import { headOf, wordsOf } from './magicLine.js';
import { isUnknown, valuesIn } from './values.js';

/** Text that the kernel leaves as it is; it does read indented code. */
const UNTOUCHED = /^(?:FencedCode|InlineCode|.*Math.*)$/;

/** @typedef {{has: (name: string) => boolean} | null} Names what a kernel has; null where nobody knows */

/**
 * @param {import('./packages.js').Packages} packages
 * @param {(editor: import('@codemirror/view').EditorView) => Names} namesOf what an editor's kernel has
 * @param {import('@codemirror/state').StateEffectType<null>} renamed
 */
export function promptMarks({ language, view }, namesOf, renamed) {
  const { Decoration } = view;
  const line = Decoration.line({ class: 'glm-magic-line' });
  const mark = (/** @type {string} */ name) => Decoration.mark({ class: `glm-magic-${name}` });
  const marks = {
    magic: mark('magic'),
    option: mark('option'),
    value: mark('value'),
    name: mark('name'),
    unknown: mark('name glm-magic-unknown')
  };

  /** @param {import('@codemirror/view').EditorView} editor */
  const draw = editor => {
    const { doc } = editor.state;
    const first = doc.lineAt(Math.max(0, headOf(doc).indexOf('%%glm')));
    // With --map, the names are a table's columns too.
    const names = /\s--map\b/.test(first.text) ? null : namesOf(editor);
    /** @type {import('@codemirror/state').Range<import('@codemirror/view').Decoration>[]} */
    const ranges = [line.range(first.from)];
    for (const { kind, from, to } of wordsOf(first.text)) {
      ranges.push(marks[kind].range(first.from + from, first.from + to));
    }
    const tree = language.syntaxTree(editor.state);
    for (const visible of editor.visibleRanges) {
      const from = doc.lineAt(visible.from).from;
      const text = doc.sliceString(from, visible.to);
      const untouched = untouchedSpans(tree, from, visible.to);
      for (const value of valuesIn(text)) {
        const at = from + value.from;
        if (untouched.some(span => span.from <= at && at < span.to)) continue;
        const kind = isUnknown(value, names) ? marks.unknown : marks.name;
        ranges.push(kind.range(at, from + value.to));
      }
    }
    return Decoration.set(ranges, true);
  };

  return view.ViewPlugin.define(
    editor => ({
      decorations: draw(editor),
      /** @param {import('@codemirror/view').ViewUpdate} update */
      update(update) {
        const parsed = language.syntaxTree(update.startState) !== language.syntaxTree(update.state);
        const renames = update.transactions.some(one => one.effects.some(effect => effect.is(renamed)));
        // An editor that is drawn before it is in its notebook does not know the kernel yet.
        if (update.docChanged || update.viewportChanged || update.geometryChanged || parsed || renames) {
          this.decorations = draw(update.view);
        }
      }
    }),
    { decorations: value => value.decorations }
  );
}

/**
 * Return where code and formulas are, which the kernel sends as they are.
 * @param {import('@lezer/common').Tree} tree
 * @param {number} from
 * @param {number} to
 */
function untouchedSpans(tree, from, to) {
  /** @type {{from: number, to: number}[]} */
  const spans = [];
  tree.iterate({
    from,
    to,
    enter(node) {
      if (!UNTOUCHED.test(node.name)) return true;
      spans.push({ from: node.from, to: node.to });
      return false;
    }
  });
  return spans;
}

/** @param {typeof import('@codemirror/view').EditorView} EditorView */
export function promptTheme(EditorView) {
  return EditorView.baseTheme({
    '.glm-magic-line': {
      backgroundColor: 'color-mix(in srgb, currentColor 6%, transparent)',
      borderRadius: '2px'
    },
    '.glm-magic-magic': { color: 'var(--jp-mirror-editor-keyword-color)', fontWeight: 'bold' },
    '.glm-magic-option': { color: 'var(--jp-mirror-editor-operator-color)' },
    '.glm-magic-value': { color: 'var(--jp-mirror-editor-string-color)' },
    '.glm-magic-name': {
      backgroundColor: 'color-mix(in srgb, var(--jp-brand-color1) 14%, transparent)',
      borderRadius: '3px'
    },
    '.glm-magic-name *': { textDecoration: 'inherit', color: 'inherit' },
    '.glm-magic-unknown': {
      backgroundColor: 'transparent',
      textDecoration: 'line-through color-mix(in srgb, currentColor 45%, transparent)'
    }
  });
}
