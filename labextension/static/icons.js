// The icons of the commands, drawn for JupyterLab's themes.

/** @param {string} path */
const icon = path =>
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16" fill="none" stroke-width="1.4"' +
  ` stroke-linecap="round" stroke-linejoin="round"><g class="jp-icon3 jp-icon-output" stroke="#616161">${path}</g></svg>`;

export const ICONS = {
  after: icon('<path d="m6 3.5 4.5 4.5L6 12.5"/>'),
  again: icon('<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3"/>'),
  ask: icon('<path d="M2.5 3h11v8H8l-3 2.5V11H2.5z"/><path d="M6.5 5.8a1.5 1.5 0 1 1 2 1.5q-.5.3-.5 1M8 9.6v0"/>'),
  before: icon('<path d="M10 3.5 5.5 8l4.5 4.5"/>'),
  copy: icon('<path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3"/>'),
  drop: icon('<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4"/>'),
  explain: icon('<path d="M6 12.5h4M6.5 14.5h3M5.8 10.5a4.5 4.5 0 1 1 4.4 0"/>'),
  fix: icon('<path d="M13.5 4.5a3.5 3.5 0 0 1-4.7 4.2l-4.6 4.6-1.6-1.6 4.6-4.6a3.5 3.5 0 0 1 4.2-4.7L9.3 4.5l2 2z"/>'),
  fold: icon('<path d="M3 8h10M8 1.5v3.5M6 3.5 8 5.5l2-2M8 14.5V11M6 12.5l2-2 2 2"/>'),
  fork: icon('<path d="M4.5 2v12M4.5 10c0-3 7-2 7-6M9.5 5.5l2-2 2 2"/>'),
  go: icon('<path d="M2.5 3v10M5.5 8H13M10 5l3 3-3 3"/>'),
  hide: icon('<path d="M1.5 8s2.5-4.5 6.5-4.5S14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM2.5 13.5l11-11"/>'),
  map: icon('<path d="M2.5 3.5h1M6 3.5h7.5M2.5 8h1M6 8h7.5M2.5 12.5h1M6 12.5h7.5"/>'),
  new: icon('<path d="M8 3v10M3 8h10"/>'),
  pin: icon('<path d="M5.5 2h5M6.5 2v5l-2.5 2.5h8L9.5 7V2M8 9.5V14"/>'),
  resume: icon('<path d="m4.5 3 8 5-8 5z"/>'),
  undo: icon('<path d="M6 3 3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6"/>'),
  stop: icon('<path d="M4 4h8v8H4z"/>')
};
