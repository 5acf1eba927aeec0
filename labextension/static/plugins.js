// The plugins of the extension. Each is on its own: one that cannot start leaves the others.

import { loadPackages } from './packages.js';
import { promptPlugin } from './prompt.js';
import { settingsPlugin } from './settings.js';

/**
 * Return the plugins.
 * @param {import('./shared.js').Scope} scope the packages of the page
 */
export async function load(scope) {
  const packages = await loadPackages(scope);
  const settings = settingsPlugin(packages);
  return [settings, promptPlugin(packages, settings.provides)];
}
