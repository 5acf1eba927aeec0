// The map: the turns of the notebook's session in the right sidebar, and what can be done with them.

import { repliesOf, shortPromptOf, turnsOf } from './cells.js';
import { ICONS } from './icons.js';
import { MapView } from './mapView.js';
import { stateOf } from './status.js';

const ID = 'glm-magic-map';

/**
 * @typedef {import('@jupyterlab/notebook').NotebookPanel} Panel
 * @typedef {import('./kernel.js').Row} Row
 * @typedef {import('./settings.js').Settings} Settings
 */

/**
 * @param {import('./packages.js').Packages} packages
 * @param {any} settingsToken
 * @param {any} linksToken
 */
export function mapPlugin(packages, settingsToken, linksToken) {
  const { apputils, ui, widgets } = packages;
  return {
    id: 'glm-magic:map',
    description: 'Shows the turns of a session beside the notebook.',
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
      const map = new SessionMap(packages, tracker, settings, links);
      const widget = new widgets.Widget({ node: map.view.node });
      const icon = new ui.LabIcon({ name: 'glm-magic:map', svgstr: ICONS.map });
      widget.id = ID;
      widget.title.icon = icon;
      widget.title.caption = settings.say('GLM session');
      settings.follow(() => {
        if (!settings.isOn('map')) widget.parent = null;
        else if (!widget.isAttached) app.shell.add(widget, 'right', { rank: 600 });
        map.show();
      });
      app.commands.addCommand('glm-magic:map', {
        label: settings.say('Open the map of the session'),
        caption: settings.say('Open the map of the session'),
        icon,
        describedBy: { args: { type: 'object', properties: {} } },
        isEnabled: () => settings.isOn('map'),
        isVisible: () => settings.isOn('map'),
        execute: () => {
          app.shell.activateById(ID);
          map.view.list.focus();
        }
      });
      palette?.addItem({ command: 'glm-magic:map', category: 'GLM' });
      map.follow();
    }
  };
}

/** What the map shows, and what its buttons do. */
class SessionMap {
  /**
   * @param {import('./packages.js').Packages} packages
   * @param {import('@jupyterlab/notebook').INotebookTracker} tracker
   * @param {Settings} settings
   * @param {import('./kernel.js').KernelLinks} links
   */
  constructor({ apputils }, tracker, settings, links) {
    this.apputils = apputils;
    this.tracker = tracker;
    this.settings = settings;
    this.links = links;
    this.view = new MapView(settings, (name, row) => this.act(name, row));
  }

  /** Show what changes in notebooks and in their kernels. */
  follow() {
    this.links.followCurrent(() => this.show());
    this.tracker.activeCellChanged.connect((_, cell) => cell && this.view.point(cell.model.id));
    this.links.answers.add((panel, isDone, text) => {
      if (panel === this.tracker.currentWidget) this.view.tell(text, isDone);
    });
  }

  show() {
    const panel = this.tracker.currentWidget;
    const link = panel && this.links.of(panel);
    const state = link?.state ?? null;
    // A kernel in which nothing was asked has no session yet; the file has the last one's replies.
    const isTold = !!(state?.session || state?.turns);
    const rows = isTold ? link?.turns ?? [] : panel ? savedRows(panel) : [];
    this.view.show({
      state: panel && stateOf(panel, state),
      rows: panel ? placed(rows, panel) : [],
      hasKernel: !!link?.comm,
      isTold
    });
  }

  /**
   * Do what a button is for.
   * @param {string} name
   * @param {Row | null} row
   */
  async act(name, row) {
    const panel = this.tracker.currentWidget;
    const link = panel && this.links.of(panel);
    if (!panel || !link) return;
    const number = row ? row.number : 0;
    const { say } = this.settings;
    switch (name) {
      case 'go':
        return row && this.go(panel, row);
      case 'before':
      case 'after':
        return row && link.ask('choose', row.id, [row.variant + (name === 'after' ? 1 : -1)]);
      case 'drop':
        if (await this.sure(say('Drop turn {number}?', { number }))) link.ask('drop', row?.id);
        return;
      case 'undo':
        if (await this.sure(say('Take back the last turn?'))) link.ask('undo');
        return;
      case 'fork': {
        const title = say('Go on from the same turns as session');
        const { value } = await this.apputils.InputDialog.getText({ title });
        if (value?.trim()) link.ask('fork', undefined, [value.trim()]);
        return;
      }
      default:
        link.ask(name, row?.id);
    }
  }

  /** @param {string} title */
  async sure(title) {
    const { Dialog, showDialog } = this.apputils;
    const body = this.settings.say('Its text is deleted; its cost stays in the totals.');
    const result = await showDialog({ title, body, buttons: [Dialog.cancelButton(), Dialog.warnButton()] });
    return result.button.accept;
  }

  /**
   * Go to a turn's cell, wherever it is now.
   * @param {Panel} panel
   * @param {Row} row
   */
  async go({ content }, row) {
    const at = content.widgets.findIndex(cell => cell.model.id === row.cell);
    if (at < 0) return;
    content.activeCellIndex = at;
    content.mode = 'command';
    await content.scrollToItem(at, 'smart');
    content.activate();
  }
}

/**
 * Return a row for each reply that the file has.
 * @param {Panel} panel
 * @returns {Row[]}
 */
function savedRows(panel) {
  return panel.content.widgets.flatMap(cell => {
    const turn = repliesOf(cell).flatMap(turnsOf).at(-1);
    return !turn ? [] : [{
      id: cell.model.id,
      number: 0,
      cell: cell.model.id,
      prompt: shortPromptOf(cell),
      model: turn.model,
      status: turn.status,
      variant: 1,
      variants: 1,
      tokens: turn.input + turn.output,
      estimated: turn.estimated,
      marks: []
    }];
  }).map((row, at) => ({ ...row, number: at + 1 }));
}

/**
 * Return rows marked with what became of their cells: a kernel hears late which are deleted, and
 * never where they stand.
 * @param {Row[]} rows
 * @param {Panel} panel
 */
function placed(rows, panel) {
  const places = new Map(panel.content.widgets.map((cell, at) => [cell.model.id, at]));
  let last = -1;
  return rows.map(row => {
    const place = places.get(row.cell);
    const marks = new Set(row.marks);
    if (row.cell && place === undefined) marks.add('gone');
    if (place !== undefined && place < last) marks.add('unordered');
    last = Math.max(last, place ?? -1);
    return { ...row, marks: [...marks] };
  });
}
