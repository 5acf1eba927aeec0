// The status line: who answers, how many turns, how full the context is, tokens and cost.
//
// What the kernel says is exact. Before one says anything, the outputs in the file are added up.

import { repliesOf, turnsOf } from './cells.js';
import { LIMITS } from './options.js';

const NEARLY_FULL = 0.8;

/**
 * @typedef {import('@jupyterlab/notebook').NotebookPanel} Panel
 * @typedef {import('./kernel.js').State} State
 * @typedef {import('./settings.js').Settings} Settings
 */

/**
 * @param {import('./packages.js').Packages} packages
 * @param {any} settingsToken
 * @param {any} linksToken
 */
export function statusPlugin({ statusbar, widgets }, settingsToken, linksToken) {
  return {
    id: 'glm-magic:status',
    description: 'Shows model, turns, context, tokens and cost of a notebook.',
    autoStart: true,
    requires: [settingsToken, linksToken],
    optional: statusbar.IStatusBar ? [statusbar.IStatusBar] : [],
    /**
     * @param {import('@jupyterlab/application').JupyterFrontEnd} app
     * @param {Settings} settings
     * @param {import('./kernel.js').KernelLinks} links
     * @param {import('@jupyterlab/statusbar').IStatusBar | null} bar
     */
    activate: (app, settings, links, bar = null) => {
      const { tracker } = links;
      if (!tracker) return;
      const line = new StatusLine(settings, () => app.commands.execute('glm-magic:map'));
      const item = new widgets.Widget({ node: line.node });
      item.id = 'glm-magic-status';
      // Notebook has no status bar; the line stands beside its menus.
      if (bar) bar.registerStatusItem(item.id, { item, align: 'right', rank: 40 });
      else {
        item.node.style.cssText += '; height: auto; align-self: center; margin: 0 12px';
        app.shell.add(item, 'menu', { rank: 1000 });
      }

      const show = () => {
        const panel = tracker.currentWidget;
        line.show(panel && settings.isOn('status') ? stateOf(panel, links.of(panel)?.state ?? null) : null);
      };
      links.followCurrent(show);
      settings.follow(show);
    }
  };
}

/**
 * Return what is shown of a notebook, or null where nothing was asked in it.
 * @param {Panel} panel
 * @param {State | null} current what its kernel says
 * @returns {State | null}
 */
export function stateOf(panel, current) {
  if (current?.turns || current?.session) return current;
  const turns = panel.content.widgets.flatMap(cell => repliesOf(cell).flatMap(turnsOf));
  const last = turns.at(-1);
  if (!last) return null;
  /** @type {Record<string, number>} */
  const sums = {};
  for (const { cost } of turns) if (cost) sums[cost.currency] = (sums[cost.currency] ?? 0) + cost.amount;
  const guessed = turns.some(turn => turn.cost?.estimated);
  const cost = Object.entries(sums).map(([currency, amount]) => money(amount, currency)).join(' + ');
  return {
    model: last.model,
    provider: last.provider,
    turns: turns.length,
    used: turns.map(turn => turn.used).filter(Boolean).at(-1) ?? 0,
    limit: LIMITS[`${last.provider}/${last.model}`] ?? 0,
    input: turns.reduce((sum, turn) => sum + turn.input, 0),
    output: turns.reduce((sum, turn) => sum + turn.output, 0),
    estimated: turns.some(turn => turn.estimated),
    cost: cost && guessed ? `≈${cost}` : cost
  };
}

/**
 * Return an amount as the panels have it: four decimals, or three digits of a smaller one.
 * @param {number} amount
 * @param {string} currency
 */
function money(amount, currency) {
  const symbol = { USD: '$', CNY: '¥' }[currency] ?? `${currency} `;
  if (!amount) return `${symbol}0`;
  if (amount < 0.000001) return `${symbol}<0.000001`;
  return symbol + (amount < 0.001 ? String(Number(amount.toPrecision(3))) : amount.toFixed(4));
}

/** @param {number} count */
function short(count) {
  if (count < 10000) return count.toLocaleString('en');
  return count < 1e6 ? `${Math.round(count / 1000)}k` : `${(count / 1e6).toFixed(1)}M`;
}

class StatusLine {
  /**
   * @param {Settings} settings
   * @param {() => void} open
   */
  constructor(settings, open) {
    this.settings = settings;
    this.node = document.createElement('button');
    this.node.type = 'button';
    this.node.className = 'glm-status';
    this.node.style.cssText =
      'display: none; align-items: center; gap: 10px; white-space: nowrap; height: 100%; padding: 0 4px;' +
      ' border: 0; background: none; color: inherit; font: inherit; cursor: pointer';
    this.node.addEventListener('click', open);
  }

  /** @param {State | null} state */
  show(state) {
    this.node.style.display = state ? 'flex' : 'none';
    if (!state) {
      this.node.replaceChildren();
      return;
    }
    const { model = '', provider = '', turns = 0, used = 0, limit = 0, input = 0, output = 0 } = state;
    const { cost = '', jobs = 0 } = state;
    const about = state.estimated ? '≈' : '';
    const { say } = this.settings;
    const tokens = { input: about + short(input), output: about + short(output) };
    const parts = [
      part('model', [model, provider].filter(Boolean).join(' · ')),
      part('turns', turns === 1 ? say('1 turn') : say('{turns} turns', { turns })),
      ...(limit ? [meter(used / limit)] : []),
      part('tokens', input || output ? say('{input} in, {output} out', tokens) : ''),
      part('cost', cost),
      part('jobs', jobs ? say('{jobs} running', { jobs }) : '')
    ].filter(one => one.textContent || one.className === 'glm-meter');
    this.node.replaceChildren(...parts);
    const context = limit ? contextOf(say, used, limit) : '';
    const texts = parts.map(one => one.textContent).filter(Boolean);
    this.node.title = ['GLM', ...texts, context].filter(Boolean).join('\n');
    this.node.setAttribute('aria-label', ['GLM', ...texts, context].filter(Boolean).join(', '));
  }
}

/**
 * @param {string} name
 * @param {string} text
 */
function part(name, text) {
  const node = document.createElement('span');
  node.className = `glm-status-${name}`;
  node.textContent = text;
  return node;
}

/**
 * Return in words how full the context is.
 * @param {Settings['say']} say
 * @param {number} used
 * @param {number} limit
 */
export function contextOf(say, used, limit) {
  const [part, all] = [used, limit].map(count => count.toLocaleString('en'));
  return say('context {used} of {limit} tokens', { used: part, limit: all });
}

/** @param {number} share */
export function meter(share) {
  const node = document.createElement('span');
  const full = share >= NEARLY_FULL;
  node.className = 'glm-meter';
  node.dataset.share = String(Math.round(share * 100));
  node.style.cssText =
    'width: 44px; height: 6px; border-radius: 3px; overflow: hidden; background: var(--jp-border-color1)';
  const bar = document.createElement('span');
  const color = full ? 'var(--jp-warn-color1)' : 'var(--jp-brand-color1)';
  const width = Math.min(100, Math.max(share * 100, share ? 3 : 0));
  bar.style.cssText = `display: block; height: 100%; width: ${width}%; background: ${color}`;
  node.append(bar);
  return node;
}
