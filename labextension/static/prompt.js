// A `%%glm` cell is written as what it is: Markdown that wraps, below a line of options.
//
// The cell's own language stays Python for everybody else. A compartment lays the prompt's language
// over it, in the same transaction that makes the cell a prompt or Python again: nothing is drawn
// twice, nothing is added to the history, and a colleague's change counts like one's own.

import { headOf, isPrompt } from './magicLine.js';
import { promptMarks, promptTheme } from './marks.js';

/** JupyterLab's Markdown with formulas and with fences in their languages. */
const MARKDOWN = 'ipythongfm';

/**
 * @param {import('./packages.js').Packages} packages
 * @param {any} settingsToken
 * @param {any} linksToken
 */
export function promptPlugin(packages, settingsToken, linksToken) {
  const { codemirror } = packages;
  return {
    id: 'glm-magic:prompt',
    description: 'Shows GLM prompts as Markdown.',
    autoStart: true,
    requires: [
      codemirror.IEditorExtensionRegistry,
      codemirror.IEditorLanguageRegistry,
      settingsToken,
      linksToken
    ],
    /**
     * @param {unknown} _app
     * @param {import('@jupyterlab/codemirror').IEditorExtensionRegistry} extensions
     * @param {import('@jupyterlab/codemirror').IEditorLanguageRegistry} languages
     * @param {import('./settings.js').Settings} settings
     * @param {import('./kernel.js').KernelLinks} links
     */
    activate: (_app, extensions, languages, settings, links) => {
      const prompts = new PromptEditors(packages, links);
      /** @type {WeakMap<object, unknown>} */
      const drawn = new WeakMap();
      links.listeners.add(panel => {
        const names = links.of(panel)?.names;
        if (drawn.get(panel) !== names) prompts.rename(panel.node);
        drawn.set(panel, names);
      });
      extensions.addExtension({ name: 'glm-magic:prompt', factory: options => prompts.extend(options) });
      settings.follow(() => prompts.show(settings.isOn('prompts')));
      languages
        .getLanguage(MARKDOWN)
        .then(language => prompts.speak(/** @type {any} */ (language)?.support))
        .catch(reason => console.warn('glm-magic: no Markdown here', reason));
    }
  };
}

/** The editors of code cells, each with a place for the prompt's language. */
class PromptEditors {
  /**
   * @param {import('./packages.js').Packages} packages
   * @param {import('./kernel.js').KernelLinks} links
   */
  constructor(packages, links) {
    this.packages = packages;
    this.links = links;
    this.slot = new packages.state.Compartment();
    /** @type {import('@codemirror/state').StateEffectType<null>} */
    this.renamed = packages.state.StateEffect.define();
    /** @type {Set<import('@codemirror/view').EditorView>} */
    this.views = new Set();
    this.on = true;
    /** @type {import('@codemirror/state').Extension[]} */
    this.language = [];
  }

  /**
   * Show prompts as text, or as the kernel's language.
   * @param {boolean} on
   */
  show(on) {
    this.on = on;
    this.refresh();
  }

  /**
   * Take JupyterLab's Markdown, once it is loaded.
   * @param {import('@codemirror/language').LanguageSupport | undefined} markdown
   */
  speak(markdown) {
    if (!markdown) return;
    const { state, view } = this.packages;
    this.language = [
      state.Prec.highest(withMagicLine(this.packages.language, markdown.language)),
      view.EditorView.lineWrapping,
      promptMarks(this.packages, editor => this.links.namesAt(editor.dom), this.renamed)
    ];
    this.refresh();
  }

  /**
   * Return what is added to an editor; nothing to those of files, Markdown and raw cells.
   * @param {import('@jupyterlab/codemirror').IEditorExtensionFactory.IOptions} options
   */
  extend({ inline, model }) {
    if (!inline || /** @type {any} */ (model).type !== 'code') return null;
    const { codemirror, state, view } = this.packages;
    const views = this.views;
    const follow = view.ViewPlugin.define(editor => {
      views.add(editor);
      return { destroy: () => views.delete(editor) };
    });
    const switching = state.EditorState.transactionExtender.of(transaction => {
      if (!transaction.docChanged) return null;
      const effect = this.change(transaction.startState, transaction.newDoc);
      return effect && { effects: effect };
    });
    return codemirror.EditorExtensionRegistry.createImmutableExtension([
      this.slot.of(this.languageOf(model.sharedModel.getSource())),
      switching,
      follow,
      promptTheme(view.EditorView)
    ]);
  }

  /** @param {string} text */
  languageOf(text) {
    return this.on && isPrompt(text) ? this.language : [];
  }

  /**
   * Return the effect that gives a text its language, or null where it has it.
   * @param {import('@codemirror/state').EditorState} before
   * @param {import('@codemirror/state').Text} text
   */
  change(before, text) {
    const language = this.languageOf(headOf(text));
    const length = (/** @type {any} */ extension) => extension?.length ?? 0;
    const now = this.slot.get(before);
    if (now === language || (length(now) === 0 && language.length === 0)) return null;
    return this.slot.reconfigure(language);
  }

  /**
   * Draw the names of a notebook's prompts again.
   * @param {HTMLElement} notebook
   */
  rename(notebook) {
    for (const editor of this.views) {
      if (notebook.contains(editor.dom)) editor.dispatch({ effects: this.renamed.of(null) });
    }
  }

  refresh() {
    for (const editor of this.views) {
      const effect = this.change(editor.state, editor.state.doc);
      if (effect) editor.dispatch({ effects: effect });
    }
  }
}

/**
 * Return Markdown in which the magic's line is no part of the paragraph or heading below it.
 * @param {typeof import('@codemirror/language')} packages
 * @param {import('@codemirror/language').Language} markdown
 */
function withMagicLine({ Language }, markdown) {
  const parser = /** @type {import('@lezer/markdown').MarkdownParser} */ (markdown.parser);
  const magicLine = {
    defineNodes: ['MagicLine'],
    parseBlock: [
      {
        name: 'MagicLine',
        before: 'LinkReference',
        parse(/** @type {any} */ block, /** @type {any} */ line) {
          if (!/^[^\S\n]*%%glm(?=\s|$)/.test(line.text)) return false;
          const from = block.lineStart;
          block.addElement(block.elt('MagicLine', from, from + line.text.length));
          block.nextLine();
          return true;
        }
      }
    ]
  };
  return new Language(markdown.data, parser.configure(magicLine), [], 'glm-prompt').extension;
}
