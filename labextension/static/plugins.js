// The plugins of the extension. Each is on its own: one that cannot start leaves the others.

import { commandsPlugin } from './commands.js';
import { completionPlugin } from './completion.js';
import { KernelLinks } from './kernel.js';
import { mapPlugin } from './map.js';
import { loadPackages } from './packages.js';
import { promptPlugin } from './prompt.js';
import { settingsPlugin } from './settings.js';
import { statusPlugin } from './status.js';

/**
 * Return the plugins.
 * @param {import('./shared.js').Scope} scope the packages of the page
 */
export async function load(scope) {
  const packages = await loadPackages(scope);
  const settings = settingsPlugin(packages);
  const links = linksPlugin(packages);
  return [
    settings,
    links,
    promptPlugin(packages, settings.provides, links.provides),
    commandsPlugin(packages, settings.provides, links.provides),
    statusPlugin(packages, settings.provides, links.provides),
    mapPlugin(packages, settings.provides, links.provides),
    completionPlugin(packages, settings.provides, links.provides)
  ];
}

/** @param {import('./packages.js').Packages} packages */
function linksPlugin({ console, coreutils, notebook }) {
  return {
    id: 'glm-magic:kernels',
    description: 'What the kernels of notebooks and consoles say about their prompts.',
    autoStart: true,
    // A page of Notebook, and JupyterLite's small console, have only one of them, or none.
    optional: [notebook.INotebookTracker, console.IConsoleTracker],
    provides: new coreutils.Token('glm-magic:kernels'),
    /**
     * @param {unknown} _app
     * @param {import('@jupyterlab/notebook').INotebookTracker | null} tracker
     * @param {import('@jupyterlab/console').IConsoleTracker | null} consoles
     */
    activate: (_app, tracker, consoles) => new KernelLinks(notebook, tracker, consoles)
  };
}
