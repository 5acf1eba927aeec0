// The page's own packages. JupyterLab keeps each version that some extension brought; a token or a
// class of a second version would be another one than the page uses.

/**
 * @typedef {{get: () => Promise<() => any>, loaded?: unknown}} Offered
 * @typedef {Record<string, Record<string, Offered>>} Scope
 */

/**
 * Compare two versions as semver does; what follows a `+` does not count.
 * @param {string} a
 * @param {string} b
 * @returns {number} below zero where `a` is the older one
 */
export function compareVersions(a, b) {
  const [one, other] = [a, b].map(version => {
    const [, numbers, early] = /^v?([\d.]*)(?:-([^+]*))?/.exec(version) ?? ['', '', ''];
    return { numbers: numbers.split('.').map(Number), early: early?.split('.') ?? [] };
  });
  for (let at = 0; at < 3; at++) {
    const by = (one.numbers[at] || 0) - (other.numbers[at] || 0);
    if (by) return by;
  }
  if (!one.early.length || !other.early.length) return other.early.length - one.early.length;
  for (let at = 0; at < Math.min(one.early.length, other.early.length); at++) {
    const by = compareParts(one.early[at], other.early[at]);
    if (by) return by;
  }
  return one.early.length - other.early.length;
}

/**
 * @param {string} a
 * @param {string} b
 */
function compareParts(a, b) {
  const numbers = [a, b].map(part => (/^\d+$/.test(part) ? Number(part) : NaN));
  if (numbers.every(Number.isNaN)) return a < b ? -1 : Number(a > b);
  if (numbers.some(Number.isNaN)) return Number.isNaN(numbers[0]) ? 1 : -1;
  return numbers[0] - numbers[1];
}

/**
 * Return the version of a package that the page uses: one that runs already, else the newest.
 * @param {Record<string, Offered>} versions
 */
export function chooseVersion(versions) {
  const newestFirst = Object.keys(versions).sort(compareVersions).reverse();
  return newestFirst.find(version => versions[version].loaded) ?? newestFirst[0];
}

/**
 * Return a package of the page; an empty one where the page has none, as Notebook has no status bar.
 * @param {Scope} scope
 * @param {string} name
 * @returns {Promise<any>}
 */
export async function sharedPackage(scope, name) {
  const versions = scope[name];
  if (!versions) return {};
  return (await versions[chooseVersion(versions)].get())();
}
