// The packages of the page that the extension uses, by a short name.

import { sharedPackage } from './shared.js';

/**
 * @typedef {{
 *   apputils: typeof import('@jupyterlab/apputils'),
 *   codemirror: typeof import('@jupyterlab/codemirror'),
 *   completer: typeof import('@jupyterlab/completer'),
 *   console: typeof import('@jupyterlab/console'),
 *   coreutils: typeof import('@lumino/coreutils'),
 *   language: typeof import('@codemirror/language'),
 *   notebook: typeof import('@jupyterlab/notebook'),
 *   settingregistry: typeof import('@jupyterlab/settingregistry'),
 *   state: typeof import('@codemirror/state'),
 *   statusbar: typeof import('@jupyterlab/statusbar'),
 *   translation: typeof import('@jupyterlab/translation'),
 *   ui: typeof import('@jupyterlab/ui-components'),
 *   view: typeof import('@codemirror/view'),
 *   widgets: typeof import('@lumino/widgets'),
 * }} Packages
 */

const NAMES = {
  apputils: '@jupyterlab/apputils',
  codemirror: '@jupyterlab/codemirror',
  completer: '@jupyterlab/completer',
  console: '@jupyterlab/console',
  coreutils: '@lumino/coreutils',
  language: '@codemirror/language',
  notebook: '@jupyterlab/notebook',
  settingregistry: '@jupyterlab/settingregistry',
  state: '@codemirror/state',
  statusbar: '@jupyterlab/statusbar',
  translation: '@jupyterlab/translation',
  ui: '@jupyterlab/ui-components',
  view: '@codemirror/view',
  widgets: '@lumino/widgets'
};

/**
 * @param {import('./shared.js').Scope} scope
 * @returns {Promise<Packages>}
 */
export async function loadPackages(scope) {
  const load = async (/** @type {[string, string]} */ [key, name]) => [key, await sharedPackage(scope, name)];
  return Object.fromEntries(await Promise.all(Object.entries(NAMES).map(load)));
}
