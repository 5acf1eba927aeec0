// The commands: in the palette, the cell's toolbar, its context menu, and by keys.

import { errorOf, isPromptCell, repliesOf, textOf } from './cells.js';
import { markdownOf } from './conversation.js';
import { ICONS } from './icons.js';

const FENCE = '```';
/** Colours of a terminal in a traceback. */
const ESCAPES = /\x1b\[[0-9;]*m/g;
const MOST_CHARACTERS = 12000;
/** Buttons follow the text when the typing pauses. */
const TYPING_MS = 150;

/**
 * @typedef {import('@jupyterlab/notebook').NotebookPanel} Panel
 * @typedef {import('@jupyterlab/cells').Cell} Cell
 * @typedef {import('./settings.js').Settings} Settings
 */

/**
 * @param {import('./packages.js').Packages} packages
 * @param {any} settingsToken
 * @param {any} linksToken
 */
export function commandsPlugin(packages, settingsToken, linksToken) {
  const { apputils, notebook, ui } = packages;
  return {
    id: 'glm-magic:commands',
    description: 'Commands about GLM prompts, and about cells and errors to ask about.',
    autoStart: true,
    requires: [settingsToken, linksToken],
    optional: [apputils.ICommandPalette],
    /**
     * @param {import('@jupyterlab/application').JupyterFrontEnd} app
     * @param {Settings} settings
     * @param {import('./kernel.js').KernelLinks} links
     * @param {import('@jupyterlab/apputils').ICommandPalette | null} palette
     */
    activate: (app, settings, links, palette) => {
      const { tracker } = links;
      if (!tracker) return;
      const commands = new Commands(packages, tracker, settings, links);
      /** @type {string[]} */
      const ids = [];
      for (const { name, label, icon, applies, run } of commands.all()) {
        const id = `glm-magic:${name}`;
        const isOn = () => settings.isOn('commands') && commands.on(applies);
        ids.push(id);
        // Icons with a name may be chosen for a toolbar in the settings editor.
        const image = new ui.LabIcon({ name: id, svgstr: ICONS[icon] });
        app.commands.addCommand(id, {
          label: settings.say(label),
          caption: settings.say(label),
          icon: image,
          describedBy: { args: { type: 'object', properties: {} } },
          isEnabled: isOn,
          isVisible: isOn,
          execute: () => commands.execute(run)
        });
        palette?.addItem({ command: id, category: 'GLM' });
      }
      // Buttons of a toolbar hear only of their own command.
      const refresh = () => ids.forEach(id => app.commands.notifyCommandChanged(id));
      settings.follow(refresh);
      followActiveCell(tracker, refresh);
      notebook.NotebookActions.executed.connect(refresh);
    }
  };
}

/**
 * Call a function when another cell is active, and when the active one becomes a prompt or fails.
 * @param {import('@jupyterlab/notebook').INotebookTracker} tracker
 * @param {() => void} changed
 */
function followActiveCell(tracker, changed) {
  let kind = '';
  let timer = 0;
  const look = () => {
    const cell = tracker.activeCell;
    const now = cell && !cell.isDisposed ? `${cell.model.id} ${isPromptCell(cell)} ${!!errorOf(cell)}` : '';
    if (now !== kind) changed();
    kind = now;
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(look, TYPING_MS);
  };
  /** @type {WeakSet<object>} */
  const followed = new WeakSet();
  tracker.activeCellChanged.connect((_, cell) => {
    look();
    if (!cell || followed.has(cell.model)) return;
    followed.add(cell.model);
    cell.model.contentChanged.connect(soon);
  });
}

class Commands {
  /**
   * @param {import('./packages.js').Packages} packages
   * @param {import('@jupyterlab/notebook').INotebookTracker} tracker
   * @param {Settings} settings
   * @param {import('./kernel.js').KernelLinks} links
   */
  constructor({ apputils, notebook }, tracker, settings, links) {
    this.apputils = apputils;
    this.actions = notebook.NotebookActions;
    this.tracker = tracker;
    this.settings = settings;
    this.links = links;
  }

  /**
   * @returns {{
   *   name: string, label: string, icon: keyof typeof ICONS,
   *   applies: (cell: Cell, panel: Panel) => boolean, run: (cell: Cell, panel: Panel) => unknown,
   * }[]}
   */
  all() {
    const anywhere = () => true;
    const isCode = (/** @type {Cell} */ cell) => cell.model.type === 'code' && !isPromptCell(cell);
    const failed = (/** @type {Cell} */ cell) => errorOf(cell) !== undefined;
    return [
      { name: 'ask', label: 'Ask about this cell', icon: 'ask', applies: isCode, run: (...at) => this.ask(...at) },
      { name: 'explain', label: 'Explain this error', icon: 'explain', applies: failed,
        run: (...at) => this.askAboutError('Explain this error, and how to avoid it.', '%%glm', ...at) },
      { name: 'fix', label: 'Fix this error', icon: 'fix', applies: failed,
        run: (...at) => this.askAboutError(
          'Say in one or two sentences why this cell failed, then give the whole corrected cell in one Python code block.',
          '%%glm --format code', ...at) },
      { name: 'again', label: 'Ask again', icon: 'again', applies: isPromptCell, run: (_, panel) => this.run(panel) },
      { name: 'stop', label: 'Stop the reply', icon: 'stop', applies: anywhere, run: (...at) => this.stop(...at) },
      { name: 'fold', label: 'Fold or open all reasoning', icon: 'fold', applies: anywhere,
        run: (_, panel) => fold(panel) },
      { name: 'copy', label: 'Copy the conversation as Markdown', icon: 'copy', applies: anywhere,
        run: (_, panel) => this.copy(panel) }
    ];
  }

  /**
   * Whether a command applies to the active cell.
   * @param {(cell: Cell, panel: Panel) => boolean} applies
   */
  on(applies) {
    const { currentWidget: panel, activeCell: cell } = this.tracker;
    return !!panel && !!cell && isPython(panel) && applies(cell, panel);
  }

  /** @param {(cell: Cell, panel: Panel) => unknown} run */
  async execute(run) {
    const { currentWidget: panel, activeCell: cell } = this.tracker;
    if (panel && cell) await run(cell, panel);
  }

  /**
   * Begin a prompt that names a cell, with the cursor where the question goes.
   * @param {Cell} cell
   * @param {Panel} panel
   */
  async ask(cell, panel) {
    await this.links.of(panel)?.finding;
    this.insert(panel, `%%glm\n\n\n${this.source(cell, panel)}`);
    const prompt = panel.content.activeCell;
    await prompt?.ready;
    panel.content.mode = 'edit';
    prompt?.editor?.setCursorPosition({ line: 1, column: 0 });
  }

  /**
   * Ask about a cell that failed.
   * @param {string} task
   * @param {string} line
   * @param {Cell} cell
   * @param {Panel} panel
   */
  async askAboutError(task, line, cell, panel) {
    const error = errorOf(cell);
    if (!error) return;
    await this.links.of(panel)?.finding;
    const names = this.links.of(panel)?.ran.has(cell.model);
    const report = names
      ? `{Err[${executionOf(cell)}]}`
      : fenced('', [error.traceback].flat().join('\n').replace(ESCAPES, '') || `${error.ename}: ${error.evalue}`);
    const source = this.source(cell, panel);
    await this.load(panel);
    this.insert(panel, `${line}\n${this.settings.say(task)}\n\n${source}\n\n${report}`);
    await this.run(panel);
  }

  /**
   * Return a cell's source for a prompt: by its name where the kernel ran it, else as it stands.
   * @param {Cell} cell
   * @param {Panel} panel
   */
  source(cell, panel) {
    const number = executionOf(cell);
    const ran = this.links.of(panel)?.ran.has(cell.model) && !(/** @type {any} */ (cell.model).isDirty);
    return number && ran ? `{In[${number}]}` : fenced('python', textOf(cell));
  }

  /**
   * Load the extension in a cell of its own, where the kernel is not known to have it: a notebook
   * has to say what it needs.
   * @param {Panel} panel
   */
  async load(panel) {
    if (this.links.of(panel)?.comm) return;
    this.insert(panel, '%load_ext glm_magic');
    await this.run(panel);
  }

  /**
   * @param {Panel} panel
   * @param {string} text
   */
  insert({ content }, text) {
    content.deselectAll();
    this.actions.insertBelow(content);
    content.activeCell?.model.sharedModel.setSource(text);
  }

  /** @param {Panel} panel */
  async run({ content, sessionContext }) {
    content.mode = 'command';
    content.deselectAll();
    await this.actions.run(content, sessionContext);
  }

  /**
   * Press Stop in the active cell's reply, or in the first that arrives; else interrupt the kernel.
   * @param {Cell} cell
   * @param {Panel} panel
   */
  stop(cell, panel) {
    const pressable = '.glm-stop:not([hidden]):not(:disabled)';
    const button = /** @type {HTMLElement | null} */ (
      [cell, ...panel.content.widgets].map(one => one.node.querySelector(pressable)).find(Boolean) ?? null
    );
    if (button) button.click();
    else panel.sessionContext.session?.kernel?.interrupt();
  }

  /** @param {Panel} panel */
  copy(panel) {
    const turns = panel.content.widgets.filter(cell => isPromptCell(cell) && repliesOf(cell).length);
    this.apputils.Clipboard.copyToSystem(markdownOf(turns));
  }
}

/**
 * Close the reasoning of all replies, or open it where none is open.
 * @param {Panel} panel
 */
function fold({ content }) {
  const all = content.widgets.flatMap(cell => [...cell.node.querySelectorAll('details.glm-r')]);
  const details = /** @type {HTMLDetailsElement[]} */ (all);
  const open = !details.some(one => one.open);
  // A click, since a reply that still arrives takes it for the reader's own choice.
  for (const one of details) if (one.open !== open) one.querySelector('summary')?.click();
}

/** @param {Panel} panel */
function isPython({ content }) {
  const info = /** @type {any} */ (content.model?.getMetadata('language_info') ?? {});
  return !info.name || info.name === 'python';
}

/** @param {Cell} cell */
function executionOf(cell) {
  return /** @type {any} */ (cell.model).executionCount ?? 0;
}

/**
 * Return a block of code that no line of it can close; of a long text both ends, which say most.
 * @param {string} language
 * @param {string} text
 */
function fenced(language, text) {
  const half = MOST_CHARACTERS / 2;
  const short = text.length > MOST_CHARACTERS ? `${text.slice(0, half)}\n…\n${text.slice(-half)}` : text;
  const ticks = [...short.matchAll(/`+/g)].map(([run]) => run.length);
  const fence = '`'.repeat(Math.max(FENCE.length, ...ticks.map(length => length + 1)));
  return `${fence}${language}\n${short}\n${fence}`;
}
