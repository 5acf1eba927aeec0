// What a notebook's kernel says about its prompts.
//
// A kernel that has loaded glm_magic keeps a comm, and announces it to nobody: a page without this
// extension hears nothing of it. This page asks the kernel for comms of that name, greets it, and is
// told from then on what changed. A kernel without glm_magic has none, and nothing is asked of it.

import { outputsOf, textOf } from './cells.js';

const TARGET = 'glm_magic';
const VERSION = 1;
/** A cell with this in it may be the one that loads the extension. */
const MENTIONS = /glm/;

/**
 * @typedef {import('@jupyterlab/notebook').NotebookPanel} Panel
 * @typedef {import('@jupyterlab/cells').Cell} Cell
 * @typedef {{
 *   model?: string, provider?: string, session?: string, turns?: number, used?: number,
 *   limit?: number, input?: number, output?: number, cost?: string, estimated?: boolean,
 *   jobs?: number, names?: string[],
 * }} State
 */

/** One notebook and the kernel that it has now. */
export class KernelLink {
  /**
   * @param {Panel} panel
   * @param {() => void} changed
   */
  constructor(panel, changed) {
    this.panel = panel;
    this.changed = changed;
    /** @type {State | null} */
    this.state = null;
    /** @type {ReadonlySet<string> | null} */
    this.names = null;
    /** @type {import('@jupyterlab/services').Kernel.IComm | null} */
    this.comm = null;
    /** The cells that ran in this kernel after it had loaded glm_magic. @type {WeakSet<object>} */
    this.ran = new WeakSet();
    const { sessionContext } = panel;
    sessionContext.kernelChanged.connect(() => this.begin());
    sessionContext.statusChanged.connect((_, status) => {
      if (/restarting|dead|terminating/.test(status)) this.forget();
    });
    sessionContext.ready.then(() => this.begin(), () => {});
  }

  /** Forget the kernel that was, and ask the one that is. */
  begin() {
    this.forget();
    if (this.panel.content.widgets.some(cell => MENTIONS.test(textOf(cell)) || outputsOf(cell).length)) {
      this.find();
    }
  }

  /**
   * Note that a cell ran.
   * @param {Cell} cell
   */
  async executed(cell) {
    if (this.comm) this.ran.add(cell.model);
    else if (MENTIONS.test(textOf(cell))) await this.find();
  }

  /** Look for the kernel's comm, and greet it. */
  async find() {
    const kernel = this.panel.sessionContext.session?.kernel;
    if (!kernel || this.comm) return;
    try {
      const reply = await kernel.requestCommInfo({ target_name: TARGET });
      if (this.comm || reply.content.status !== 'ok') return;
      const [id] = Object.keys(reply.content.comms);
      if (id) this.greet(kernel, id);
    } catch (reason) {
      console.debug('glm-magic: the kernel was not asked', reason);
    }
  }

  /**
   * @param {import('@jupyterlab/services').Kernel.IKernelConnection} kernel
   * @param {string} id
   */
  greet(kernel, id) {
    const comm = kernel.hasComm?.(id) ? null : kernel.createComm(TARGET, id);
    if (!comm) return;
    this.comm = comm;
    comm.onMsg = message => this.hear(message.content.data);
    comm.onClose = () => this.forget();
    comm.send({ version: VERSION, type: 'hello' });
  }

  /**
   * Take what changed; of another version's messages only what has the form that is known.
   * @param {any} data
   */
  hear(data) {
    if (data?.type !== 'state' || data.version !== VERSION) return;
    const news = onlyKnown(data.state);
    this.state = { ...this.state, ...news };
    if (news.names) this.names = new Set(news.names);
    this.changed();
  }

  forget() {
    const comm = this.comm;
    this.comm = this.state = this.names = null;
    this.ran = new WeakSet();
    comm?.dispose();
    this.changed();
  }
}

const TEXTS = ['model', 'provider', 'session', 'cost'];
const NUMBERS = ['turns', 'used', 'limit', 'input', 'output', 'jobs'];

/**
 * @param {any} state
 * @returns {State}
 */
function onlyKnown(state) {
  const entries = Object.entries(state ?? {}).filter(
    ([key, value]) =>
      (TEXTS.includes(key) && typeof value === 'string') ||
      (NUMBERS.includes(key) && Number.isFinite(value)) ||
      (key === 'estimated' && typeof value === 'boolean') ||
      (key === 'names' && Array.isArray(value) && value.every(name => typeof name === 'string'))
  );
  return Object.fromEntries(entries);
}

/** The links of all notebooks of the page. */
export class KernelLinks {
  /**
   * @param {import('./packages.js').Packages['notebook']} notebook
   * @param {import('@jupyterlab/notebook').INotebookTracker} tracker
   */
  constructor({ NotebookActions }, tracker) {
    this.tracker = tracker;
    /** @type {WeakMap<object, KernelLink>} */
    this.links = new WeakMap();
    /** @type {Set<(panel: Panel) => void>} */
    this.listeners = new Set();
    tracker.forEach(panel => this.add(panel));
    tracker.widgetAdded.connect((_, panel) => this.add(panel));
    NotebookActions.executed.connect((_, { notebook, cell }) => {
      this.links.get(notebook)?.executed(cell);
    });
  }

  /** @param {Panel} panel */
  add(panel) {
    if (this.links.has(panel.content)) return;
    const tell = () => this.listeners.forEach(listener => listener(panel));
    this.links.set(panel.content, new KernelLink(panel, tell));
  }

  /**
   * @param {Panel} panel
   * @returns {KernelLink | undefined}
   */
  of(panel) {
    return this.links.get(panel.content);
  }

  /**
   * Return the names that the kernel of a place in the page has; null where nobody knows.
   * @param {HTMLElement} place
   */
  namesAt(place) {
    const panel = this.tracker.find(one => one.content.node.contains(place));
    return (panel && this.of(panel)?.names) ?? null;
  }
}
