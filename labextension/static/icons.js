// The icons of the commands, drawn for JupyterLab's themes.

/** @param {string} path */
const icon = path =>
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16" fill="none" stroke-width="1.4"' +
  ` stroke-linecap="round" stroke-linejoin="round"><g class="jp-icon3 jp-icon-output" stroke="#616161">${path}</g></svg>`;

export const ICONS = {
  again: icon('<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3"/>'),
  ask: icon('<path d="M2.5 3h11v8H8l-3 2.5V11H2.5z"/><path d="M6.5 5.8a1.5 1.5 0 1 1 2 1.5q-.5.3-.5 1M8 9.6v0"/>'),
  copy: icon('<path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3"/>'),
  explain: icon('<path d="M6 12.5h4M6.5 14.5h3M5.8 10.5a4.5 4.5 0 1 1 4.4 0"/>'),
  fix: icon('<path d="M13.5 4.5a3.5 3.5 0 0 1-4.7 4.2l-4.6 4.6-1.6-1.6 4.6-4.6a3.5 3.5 0 0 1 4.2-4.7L9.3 4.5l2 2z"/>'),
  fold: icon('<path d="M3 8h10M8 1.5v3.5M6 3.5 8 5.5l2-2M8 14.5V11M6 12.5l2-2 2 2"/>'),
  stop: icon('<path d="M4 4h8v8H4z"/>')
};
