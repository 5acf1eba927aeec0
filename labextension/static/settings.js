// Which parts are on, and in which language they speak: the one that JupyterLab speaks.

import { CHINESE } from './chinese.js';

const ID = 'glm-magic:plugin';

/** What the parts ask: whether they are on, and how a text reads in the page's language. */
export class Settings {
  constructor() {
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    /** @type {Record<string, unknown>} */
    this.values = {};
    this.language = 'en';
  }

  /**
   * Whether a part is on; it is, until the settings say otherwise.
   * @param {string} part
   */
  isOn(part) {
    return this.values[part] !== false;
  }

  /**
   * Return a text in the language of the page, with its values put in.
   * @param {string} text
   * @param {Record<string, string | number>} [values]
   */
  say = (text, values = {}) => {
    const words = this.language.startsWith('zh') ? CHINESE[text] ?? text : text;
    return words.replace(/\{(\w+)\}/g, (field, name) => String(values[name] ?? field));
  };

  /**
   * Call a function now and whenever a setting changes.
   * @param {() => void} listener
   */
  follow(listener) {
    this.listeners.add(listener);
    listener();
  }

  /** @param {Record<string, unknown>} values */
  take(values) {
    this.values = values;
    for (const listener of this.listeners) listener();
  }
}

/**
 * @param {import('./packages.js').Packages} packages
 */
export function settingsPlugin({ coreutils, settingregistry, translation }) {
  return {
    id: ID,
    description: 'The settings of GLM prompts.',
    autoStart: true,
    provides: new coreutils.Token('glm-magic:settings'),
    optional: [settingregistry.ISettingRegistry, translation.ITranslator],
    /**
     * @param {unknown} _app
     * @param {any} registry
     * @param {any} translator
     */
    activate: (_app, registry, translator) => {
      const settings = new Settings();
      settings.language = translator?.languageCode ?? 'en';
      registry?.transform(ID, { fetch: (/** @type {any} */ plugin) => inLanguage(plugin, settings) });
      // Nobody waits for this: editors are made meanwhile, and follow when it is there.
      registry?.load(ID).then(
        (/** @type {any} */ loaded) => {
          const take = () => settings.take(loaded.composite);
          loaded.changed.connect(take);
          take();
        },
        (/** @type {unknown} */ reason) => console.warn('glm-magic: no settings', reason)
      );
      return settings;
    }
  };
}

/**
 * Return a schema whose texts are in the page's language, for the settings editor.
 * @param {any} plugin
 * @param {Settings} settings
 */
function inLanguage(plugin, settings) {
  const read = (/** @type {any} */ node) => {
    for (const key of ['title', 'description']) {
      if (typeof node?.[key] === 'string') node[key] = settings.say(node[key]);
    }
  };
  read(plugin.schema);
  Object.values(plugin.schema.properties ?? {}).forEach(read);
  return plugin;
}
