// What the kernel of a notebook or console says about its prompts.
//
// A kernel that has loaded glm_magic keeps a comm, and announces it to nobody: a page without this
// extension hears nothing of it. This page asks the kernel for comms of that name, greets it, and is
// told from then on what changed. A kernel without glm_magic has none, and nothing is asked of it.

import { count, isObject, repliesOf, text, textOf } from './cells.js';

const TARGET = 'glm_magic';
const VERSION = 1;
/** Changes of a notebook come in bursts. */
const SETTLE_MS = 250;
/** A cell with this in it may be the one that loads the extension. */
const MENTIONS = /glm/;

/**
 * @typedef {import('@jupyterlab/notebook').NotebookPanel} Panel
 * @typedef {import('@jupyterlab/console').ConsolePanel} ConsolePanel
 * @typedef {import('@jupyterlab/cells').Cell} Cell
 * @typedef {{
 *   model?: string, provider?: string, session?: string, turns?: number, used?: number,
 *   limit?: number, input?: number, output?: number, cost?: string, estimated?: boolean,
 *   jobs?: number,
 * }} State
 * @typedef {{
 *   id: string, number: number, cell: string, prompt: string, model: string, status: string,
 *   variant: number, variants: number, tokens: number, estimated: boolean, marks: string[],
 * }} Row
 * @typedef {[name: string, about: string, help: string]} Word
 */

/** One notebook or console, and the kernel that it has now. */
export class KernelLink {
  /**
   * @param {import('@jupyterlab/apputils').ISessionContext} sessionContext
   * @param {() => boolean} mayAnswer whether this kernel may have loaded glm_magic before
   * @param {() => void} changed
   * @param {(isDone: boolean, text: string) => void} answered
   */
  constructor(sessionContext, mayAnswer, changed, answered) {
    this.sessionContext = sessionContext;
    this.mayAnswer = mayAnswer;
    this.changed = changed;
    this.answered = answered;
    /** @type {State | null} */
    this.state = null;
    /** What each name is; null where nobody knows. @type {ReadonlyMap<string, string> | null} */
    this.names = null;
    /** @type {Record<string, Word[]>} */
    this.words = {};
    /** The session's turns in their order. @type {Row[]} */
    this.turns = [];
    /** @type {import('@jupyterlab/services').Kernel.IComm | null} */
    this.comm = null;
    /** A look for the comm that is under way. @type {Promise<void> | null} */
    this.finding = null;
    /** The cells that ran in this kernel after it had loaded glm_magic. @type {WeakSet<object>} */
    this.ran = new WeakSet();
    sessionContext.kernelChanged.connect(() => this.begin());
    sessionContext.statusChanged.connect((_, status) => {
      if (/restarting|dead|terminating/.test(status)) this.forget();
    });
    sessionContext.ready.then(() => this.begin(), () => {});
  }

  get kernel() {
    return this.sessionContext.session?.kernel ?? null;
  }

  /** Forget the kernel that was, and ask the one that is. */
  begin() {
    this.forget();
    if (this.mayAnswer()) this.find();
  }

  /**
   * Note that a cell ran.
   * @param {Cell} cell
   */
  async executed(cell) {
    const isLater = !!this.comm || !!this.finding;
    if (!this.comm && (isLater || MENTIONS.test(textOf(cell)))) await this.find();
    if (this.comm && isLater) this.ran.add(cell.model);
  }

  /** Look for the kernel's comm, and greet it; after an earlier look, which may have been too early. */
  async find() {
    await this.finding;
    if (this.comm) return;
    this.finding = this.look();
    await this.finding;
    this.finding = null;
  }

  async look() {
    const { kernel } = this;
    // Of a page's connections to one kernel, the first has the comms.
    if (!kernel || kernel.handleComms === false) return;
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
    if (!isObject(data) || data.version !== VERSION) return;
    if (data.type === 'done' || data.type === 'refused') {
      this.answered(data.type === 'done', String(data.text ?? ''));
    } else if (data.type === 'state' && isObject(data.state)) {
      const { names, words, tapes, order, rows } = data.state;
      this.state = { ...this.state, ...figures(data.state) };
      if (isObject(names)) this.names = new Map(Object.entries(names).map(([name, kind]) => [name, text(kind)]));
      else if (names === null) this.names = null;
      this.words = { ...this.words, ...wordsOf({ ...words, tapes }) };
      const known = new Map(this.turns.map(row => [row.id, row]));
      const ids = Array.isArray(order) ? order : [...known.keys()];
      this.turns = ids.flatMap((id, at) => {
        const row = isObject(rows?.[id]) ? rowOf(rows[id]) : known.get(id);
        return row ? [{ ...row, id: String(id), number: at + 1 }] : [];
      });
      this.changed();
    }
  }

  /**
   * Let the kernel do what a verb does, when it is free; it tells how it went.
   * @param {string} verb
   * @param {string} [turn]
   * @param {(string | number)[]} [words]
   */
  ask(verb, turn, words = []) {
    this.comm?.send({ version: VERSION, type: 'do', verb, turn: turn ?? null, words });
  }

  forget() {
    const comm = this.comm;
    this.comm = this.state = this.names = null;
    this.words = {};
    this.turns = [];
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
function figures(state) {
  const entries = Object.entries(state).filter(
    ([key, value]) =>
      (TEXTS.includes(key) && typeof value === 'string') ||
      (NUMBERS.includes(key) && Number.isFinite(value)) ||
      (key === 'estimated' && typeof value === 'boolean')
  );
  return Object.fromEntries(entries);
}

/**
 * @param {any} row
 * @returns {Omit<Row, 'id' | 'number'>}
 */
function rowOf(row) {
  return {
    cell: text(row.cell),
    prompt: text(row.prompt),
    model: text(row.model),
    status: text(row.status),
    variant: count(row.variant),
    variants: count(row.variants),
    tokens: count(row.tokens),
    estimated: row.estimated === true,
    marks: Array.isArray(row.marks) ? row.marks.map(text) : []
  };
}

/**
 * @param {any} words
 * @returns {Record<string, Word[]>}
 */
function wordsOf(words) {
  const isWord = (/** @type {any} */ row) => Array.isArray(row) && row.every(part => typeof part === 'string');
  const lists = Object.entries(words).filter(([, rows]) => Array.isArray(rows) && rows.every(isWord));
  return Object.fromEntries(lists);
}

/** The links of all notebooks and consoles of the page. */
export class KernelLinks {
  /**
   * @param {import('./packages.js').Packages['notebook']} notebook
   * @param {import('@jupyterlab/notebook').INotebookTracker | null} tracker
   * @param {import('@jupyterlab/console').IConsoleTracker | null} consoles
   */
  constructor({ NotebookActions }, tracker, consoles) {
    this.tracker = tracker;
    /** @type {Map<import('@lumino/widgets').Widget, KernelLink>} */
    this.links = new Map();
    /** @type {Set<(widget: import('@lumino/widgets').Widget) => void>} */
    this.listeners = new Set();
    /** @type {Set<(widget: import('@lumino/widgets').Widget, isDone: boolean, text: string) => void>} */
    this.answers = new Set();
    each(tracker, panel => {
      const isOurs = (/** @type {Cell} */ cell) => MENTIONS.test(textOf(cell)) || repliesOf(cell).length > 0;
      this.add(panel, () => panel.content.widgets.some(isOurs));
    });
    NotebookActions.executed.connect((_, { notebook, cell }) => {
      const panel = tracker?.find(one => one.content === notebook);
      if (panel) this.executed(panel, cell);
    });
    each(consoles, panel => {
      this.add(panel, () => true);
      const { cells, executed } = panel.console;
      executed.connect(() => this.executed(panel, cells.get(cells.length - 1)));
    });
  }

  /**
   * @param {Panel | ConsolePanel} widget
   * @param {() => boolean} mayAnswer
   */
  add(widget, mayAnswer) {
    /** @type {KernelLink} */
    const link = new KernelLink(
      widget.sessionContext,
      mayAnswer,
      () => this.sharing(link).forEach(one => this.listeners.forEach(listener => listener(one))),
      (...answer) => this.answers.forEach(listener => listener(widget, ...answer))
    );
    this.links.set(widget, link);
    widget.disposed.connect(() => this.links.delete(widget));
  }

  /**
   * Return the notebooks and consoles of a link's kernel.
   * @param {KernelLink} link
   */
  sharing(link) {
    return [...this.links.keys()].filter(widget => {
      const other = this.links.get(widget);
      return other === link || (link.kernel && other?.kernel?.id === link.kernel.id);
    });
  }

  /**
   * @param {import('@lumino/widgets').Widget} widget
   * @param {Cell} cell
   */
  executed(widget, cell) {
    const link = this.links.get(widget);
    if (link) this.sharing(link).forEach(one => this.links.get(one)?.executed(cell));
  }

  /**
   * Call a function when the notebook in front is another one, changes, or hears from its kernel.
   * @param {() => void} show
   */
  followCurrent(show) {
    let timer = 0;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(show, SETTLE_MS);
    };
    each(this.tracker, panel => {
      panel.context.ready.then(() => {
        panel.content.model?.contentChanged.connect(soon);
        soon();
      });
    });
    this.tracker?.currentChanged.connect(soon);
    this.listeners.add(widget => widget === this.tracker?.currentWidget && show());
  }

  /**
   * Return what the kernel of a notebook or console says, through whichever of them hears it.
   * @param {import('@lumino/widgets').Widget} widget
   * @returns {KernelLink | undefined}
   */
  of(widget) {
    const own = this.links.get(widget);
    const all = own ? this.sharing(own).map(one => this.links.get(one)) : [];
    return all.find(link => link?.comm) ?? own;
  }

  /**
   * Return the names that the kernel of a place in the page has; null where nobody knows.
   * @param {HTMLElement} place
   */
  namesAt(place) {
    const widget = [...this.links.keys()].find(one => one.node.contains(place));
    return (widget && this.of(widget)?.names) ?? null;
  }
}

/**
 * Call a function with each widget that a tracker has, and with those that come.
 * @template {import('@lumino/widgets').Widget} T
 * @param {import('@jupyterlab/apputils').IWidgetTracker<T> | null} tracker
 * @param {(widget: T) => void} call
 */
function each(tracker, call) {
  tracker?.forEach(call);
  tracker?.widgetAdded.connect((_, widget) => call(widget));
}
