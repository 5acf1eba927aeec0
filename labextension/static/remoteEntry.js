// The container that JupyterLab loads as a script: it says where the modules are and no more.
// A module-federation container is an object with init() and get(), so no bundler is needed.
(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  /** @type {import('./shared.js').Scope} */
  let scope = {};
  const page = /** @type {any} */ (window);
  page._JUPYTERLAB = page._JUPYTERLAB ?? {};
  page._JUPYTERLAB['glm-magic'] = {
    init: (/** @type {import('./shared.js').Scope} */ given) => {
      scope = given;
    },
    get: async () => {
      const { load } = await import(new URL('plugins.js', script.src).href);
      const plugins = await load(scope);
      return () => ({ __esModule: true, default: plugins });
    }
  };
})();
