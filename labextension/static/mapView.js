// What the map looks like: figures, a list that keys move in, and buttons for what is selected.
//
// The list is a listbox of rows without controls, so that a screen reader reads a row as one thing;
// the buttons above it are about the selected row. A row that did not change is not drawn again.

import { ICONS } from './icons.js';
import { contextOf, meter } from './status.js';

const STYLE = `
.glm-map { display: flex; flex-direction: column; height: 100%; min-width: 0; overflow: hidden;
  background: var(--jp-layout-color1); color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size1) }
.glm-map-head { padding: 10px 12px 8px; border-bottom: 1px solid var(--jp-border-color2) }
.glm-map-title { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.glm-map-figures { margin-top: 2px; color: var(--jp-ui-font-color2); font-size: var(--jp-ui-font-size0) }
.glm-map-context { display: flex; align-items: center; gap: 8px; margin-top: 6px;
  color: var(--jp-ui-font-color2); font-size: var(--jp-ui-font-size0) }
.glm-map-context .glm-meter { flex: 1 }
.glm-map-list { flex: 1; overflow-y: auto; min-height: 0; outline: none }
.glm-map-row { display: grid; grid-template-columns: 2.4em 1fr; padding: 6px 12px 6px 4px; cursor: pointer;
  border-bottom: 1px solid var(--jp-border-color3); border-inline-start: 3px solid transparent;
  content-visibility: auto; contain-intrinsic-size: auto 42px }
.glm-map-row:hover { background: var(--jp-layout-color2) }
.glm-map-row[aria-selected=true] { background: var(--jp-layout-color2); border-inline-start-color: var(--jp-brand-color1) }
.glm-map-list:focus-visible .glm-map-row[aria-selected=true] { outline: 1px solid var(--jp-brand-color1); outline-offset: -1px }
.glm-map-number { color: var(--jp-ui-font-color2); text-align: end; padding-inline-end: 8px; font-variant-numeric: tabular-nums }
.glm-map-prompt { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.glm-map-facts { grid-column: 2; color: var(--jp-ui-font-color2); font-size: var(--jp-ui-font-size0);
  display: flex; flex-wrap: wrap; gap: 2px 6px; margin-top: 2px }
.glm-map-mark { padding: 0 5px; border-radius: 7px; background: var(--jp-layout-color3); color: var(--jp-ui-font-color1) }
.glm-map-mark[data-mark=failed] { background: var(--jp-error-color3); color: var(--jp-ui-font-color1) }
.glm-map-mark[data-mark=stale] { background: var(--jp-warn-color3); color: var(--jp-ui-font-color1) }
body[data-jp-theme-light=false] .glm-map-mark[data-mark=failed], body[data-jp-theme-light=false] .glm-map-mark[data-mark=stale] {
  color: #111 }
.glm-map-row[data-off] .glm-map-prompt { opacity: .6; text-decoration: line-through }
.glm-map-empty { padding: 28px 20px; text-align: center; color: var(--jp-ui-font-color2); line-height: 1.5 }
.glm-map-empty code { display: inline-block; margin-top: 8px; padding: 4px 8px; border-radius: 4px;
  background: var(--jp-layout-color2); text-align: start }
.glm-map-answer { padding: 6px 12px; border-top: 1px solid var(--jp-border-color2); color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0); overflow-wrap: anywhere }
.glm-map-answer[data-refused] { color: var(--jp-error-color1) }
.glm-map-answer:empty { display: none }
.glm-map-bar { display: flex; flex-wrap: wrap; gap: 0 1px; padding: 3px 6px; border-bottom: 1px solid var(--jp-border-color2) }
.glm-map-bar button { display: inline-flex; align-items: center; gap: 3px; padding: 3px 5px; border: 0; border-radius: 3px;
  background: none; color: inherit; font: inherit; font-size: var(--jp-ui-font-size0); cursor: pointer }
.glm-map-bar button:hover:not(:disabled) { background: var(--jp-layout-color2) }
.glm-map-bar button:focus-visible { outline: 1px solid var(--jp-brand-color1) }
.glm-map-bar button:disabled { opacity: .4; cursor: default }
.glm-map-bar button[aria-pressed=true] { background: var(--jp-layout-color3) }
.glm-map-bar svg { width: 16px; height: 16px; display: block }
.glm-map [hidden] { display: none !important }`;

/** Marks that say that later prompts are not sent a turn. */
const OFF = ['hidden', 'gone', 'failed'];
/** Keys of the list that press a button. */
const KEYS = { Enter: 'go', h: 'hide', p: 'pin', Delete: 'drop', ArrowLeft: 'before', ArrowRight: 'after' };
const PAGE = 10;

/**
 * @typedef {import('./kernel.js').Row} Row
 * @typedef {import('./kernel.js').State} State
 */

export class MapView {
  /**
   * @param {import('./settings.js').Settings} settings
   * @param {(name: string, row: Row | null) => unknown} act
   */
  constructor(settings, act) {
    const say = settings.say;
    this.say = say;
    this.act = act;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Map<string, {node: HTMLElement, text: string}>} */
    this.drawn = new Map();
    this.selected = '';
    this.hasKernel = this.isTold = false;
    this.marks = /** @type {Record<string, string>} */ ({
      pinned: say('pinned'),
      hidden: say('hidden'),
      gone: say('cell is gone'),
      unordered: say('out of order'),
      stale: say('answered before the change'),
      failed: say('failed'),
      interrupted: say('interrupted'),
      streaming: say('running')
    });
    this.title = element('div', 'glm-map-title');
    this.figures = element('div', 'glm-map-figures');
    this.context = element('div', 'glm-map-context');
    const head = element('div', 'glm-map-head', this.title, this.figures, this.context);
    this.list = element('div', 'glm-map-list');
    this.list.tabIndex = 0;
    this.list.setAttribute('role', 'listbox');
    this.list.setAttribute('aria-label', say('Turns of the session'));
    const example = element('code', '');
    example.textContent = '%%glm\nWhy is the sky blue?';
    example.style.whiteSpace = 'pre';
    this.empty = element('div', 'glm-map-empty', say('No turns yet. A cell like this asks:'), document.createElement('br'), example);
    /** @type {Record<string, HTMLButtonElement>} */
    this.buttons = {};
    const session = this.bar(say('Session'), [
      ['new', say('New')], ['fork', say('Fork')], ['undo', say('Undo')], ['resume', say('Resume')]
    ], true);
    const turn = this.bar(say('Selected turn'), [
      ['go', say('Go to the cell')], ['before', say('Earlier variant')], ['after', say('Later variant')],
      ['hide', say('Do not send')], ['pin', say('Always send')], ['drop', say('Drop')]
    ]);
    this.turnBar = turn;
    this.answer = element('div', 'glm-map-answer');
    this.answer.setAttribute('role', 'status');
    const style = element('style', '');
    style.textContent = STYLE;
    this.node = element('div', 'glm-map', style, head, session, turn, this.list, this.empty, this.answer);
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', say('GLM session'));
    this.list.addEventListener('click', event => {
      const row = /** @type {HTMLElement} */ (event.target).closest?.('.glm-map-row');
      if (!row) return;
      this.select(/** @type {HTMLElement} */ (row).dataset.id ?? '');
      this.press('go');
    });
    this.list.addEventListener('keydown', event => this.key(event));
  }

  /**
   * @param {string} label
   * @param {[keyof typeof ICONS, string][]} actions
   * @param {boolean} [hasText] whether the buttons have words beside their icons
   */
  bar(label, actions, hasText) {
    const bar = element('div', 'glm-map-bar');
    bar.setAttribute('role', 'toolbar');
    bar.setAttribute('aria-label', label);
    for (const [name, text] of actions) {
      const button = /** @type {HTMLButtonElement} */ (element('button', ''));
      button.type = 'button';
      button.innerHTML = ICONS[name];
      button.dataset.action = name;
      button.title = text;
      button.setAttribute('aria-label', text);
      if (hasText) button.append(text);
      button.addEventListener('click', () => this.press(name));
      this.buttons[name] = button;
      bar.append(button);
    }
    return bar;
  }

  /** @param {string} name */
  press(name) {
    const button = this.buttons[name];
    if (button.disabled) return;
    this.tell('', true);
    this.act(name, this.turnBar.contains(button) ? this.row() : null);
  }

  /**
   * Show how what was asked for went.
   * @param {string} text
   * @param {boolean} isDone
   */
  tell(text, isDone) {
    this.answer.textContent = text;
    this.answer.toggleAttribute('data-refused', !isDone);
  }

  /** Return the selected row. */
  row() {
    return this.rows.find(row => row.id === this.selected) ?? null;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.rows.findIndex(row => row.id === this.selected);
    const last = this.rows.length - 1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + PAGE, PageUp: at - PAGE }[event.key];
    const action = KEYS[/** @type {keyof typeof KEYS} */ (event.key)];
    if (to === undefined && !action) return;
    event.preventDefault();
    event.stopPropagation();
    if (action) this.press(action);
    else if (last >= 0) this.select(this.rows[Math.min(last, Math.max(0, to ?? 0))].id);
  }

  /**
   * Select the row of a cell, where it has one.
   * @param {string} cell
   */
  point(cell) {
    const row = this.rows.find(one => one.cell === cell);
    if (row) this.select(row.id);
  }

  /** @param {string} id */
  select(id) {
    this.selected = id;
    for (const [one, { node }] of this.drawn) node.setAttribute('aria-selected', String(one === id));
    const node = this.drawn.get(id)?.node;
    if (node) this.list.setAttribute('aria-activedescendant', node.id);
    else this.list.removeAttribute('aria-activedescendant');
    node?.scrollIntoView?.({ block: 'nearest' });
    this.refreshButtons();
  }

  /** @param {{state: State | null, rows: Row[], hasKernel: boolean, isTold: boolean}} shown */
  show({ state, rows, hasKernel, isTold }) {
    this.rows = rows;
    this.hasKernel = hasKernel;
    this.isTold = isTold;
    this.head(state);
    const before = this.drawn;
    this.drawn = new Map(rows.map(row => [row.id, this.drawRow(row, before.get(row.id))]));
    const nodes = [...this.drawn.values()].map(one => one.node);
    const children = this.list.children;
    if (children.length !== nodes.length || nodes.some((node, at) => node !== children[at])) {
      this.list.replaceChildren(...nodes);
    }
    this.list.hidden = this.turnBar.hidden = !rows.length;
    this.empty.hidden = rows.length > 0;
    if (!this.row() && rows.length) this.select(rows[rows.length - 1].id);
    else this.refreshButtons();
  }

  /** @param {State | null} state */
  head(state) {
    const { session = '', turns = 0, used = 0, limit = 0, model = '', provider = '', cost = '' } = state ?? {};
    this.title.textContent = session || this.say('GLM session');
    const count = turns === 1 ? this.say('1 turn') : this.say('{turns} turns', { turns });
    this.figures.textContent = [count, model, provider, cost].filter(Boolean).join(' · ');
    this.context.hidden = !limit;
    this.context.replaceChildren(
      ...(limit ? [meter(used / limit), contextOf(this.say, used, limit)] : [])
    );
  }

  /**
   * Return a row's element; the one that it had, where nothing in it changed.
   * @param {Row} row
   * @param {{node: HTMLElement, text: string} | undefined} before
   */
  drawRow(row, before) {
    const text = JSON.stringify(row);
    if (before?.text === text) return before;
    const node = before?.node ?? element('div', 'glm-map-row');
    node.id = `glm-map-${row.id}`;
    node.dataset.id = row.id;
    node.setAttribute('role', 'option');
    node.setAttribute('aria-selected', String(row.id === this.selected));
    const marks = [...row.marks, row.status].filter(mark => mark in this.marks);
    node.toggleAttribute('data-off', marks.some(mark => OFF.includes(mark)) && !row.marks.includes('pinned'));
    const tokens = `${row.estimated ? '≈' : ''}${row.tokens.toLocaleString('en')}`;
    const facts = [
      row.model,
      row.tokens ? this.say('{tokens} tokens', { tokens }) : '',
      row.variants > 1 ? this.say('run {variant}/{variants}', { variant: row.variant, variants: row.variants }) : ''
    ];
    node.replaceChildren(
      element('span', 'glm-map-number', String(row.number)),
      element('span', 'glm-map-prompt', row.prompt),
      element('span', 'glm-map-facts', facts.filter(Boolean).join(' · '), ...marks.map(mark => {
        const chip = element('span', 'glm-map-mark', this.marks[mark]);
        chip.dataset.mark = mark;
        return chip;
      }))
    );
    node.title = row.prompt;
    return { node, text };
  }

  refreshButtons() {
    const row = this.row();
    const marks = row?.marks ?? [];
    const on = {
      new: this.hasKernel,
      resume: this.hasKernel,
      fork: this.isTold && this.rows.length > 0,
      undo: this.isTold && this.rows.length > 0,
      before: this.isTold && !!row && row.variant > 1,
      after: this.isTold && !!row && row.variant < row.variants,
      hide: this.isTold && !!row,
      pin: this.isTold && !!row,
      drop: this.isTold && !!row
    };
    for (const [name, applies] of Object.entries(on)) this.buttons[name].disabled = !applies;
    this.buttons.go.disabled = !row?.cell || marks.includes('gone');
    this.buttons.hide.setAttribute('aria-pressed', String(marks.includes('hidden')));
    this.buttons.pin.setAttribute('aria-pressed', String(marks.includes('pinned')));
  }
}

/**
 * @param {string} tag
 * @param {string} name
 * @param {(Node | string)[]} children text is text, whatever is in it
 * @returns {HTMLElement}
 */
function element(tag, name, ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children);
  return node;
}
