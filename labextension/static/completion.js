// Completion: what the kernel offers on a magic's line, with its help; names behind a `{`.
//
// What fits a line is the kernel's to say, so this provider asks it as JupyterLab's own does, and
// adds what the words mean. Of two providers' equal words the popup shows the first one's.

import { ICONS } from './icons.js';
import { isPrompt } from './magicLine.js';

/** JupyterLab's own providers have 500 and 550. */
const RANK = 600;
const ICON = 'glm-magic:word';
/** The popup leaves room for one word beside each item; these have a sentence. */
const STYLE = `.jp-Completer-item:has([data-icon='${ICON}']) .jp-Completer-typeExtended {
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; max-width: 72ch }
.jp-mod-active:has([data-icon='${ICON}']) .jp-Completer-typeExtended { color: inherit }
.jp-Completer-icon [data-icon='${ICON}'] { display: block; margin: 4px 2px }
.jp-mod-active [data-icon='${ICON}'] g { stroke: currentColor }`;
const LINE_MAGIC = /^\s*(?:[\p{L}_][\p{L}\p{N}_.]*\s*=\s*)?%glm(?=\s)/u;
const CELL_MAGIC = /^\s*%%glm(?=\s)/;
const VALUE = /\{[ \t]*((?:[\p{L}_][\p{L}\p{N}_]*)?)$/u;

/** @type {Reply} */
const NOTHING = { start: 0, end: 0, items: [] };

/**
 * @typedef {import('@jupyterlab/completer').ICompletionContext} Context
 * @typedef {import('@jupyterlab/completer').CompletionHandler.IRequest} Request
 * @typedef {import('@jupyterlab/completer').CompletionHandler.ICompletionItemsReply} Reply
 * @typedef {import('./kernel.js').KernelLink} Link
 */

/**
 * @param {import('./packages.js').Packages} packages
 * @param {any} settingsToken
 * @param {any} linksToken
 */
export function completionPlugin({ completer, ui }, settingsToken, linksToken) {
  return {
    id: 'glm-magic:completion',
    description: 'Says what options, verbs and models are where they are completed.',
    autoStart: true,
    requires: [completer.ICompletionProviderManager, settingsToken, linksToken],
    /**
     * @param {unknown} _app
     * @param {import('@jupyterlab/completer').ICompletionProviderManager} manager
     * @param {import('./settings.js').Settings} settings
     * @param {import('./kernel.js').KernelLinks} links
     */
    activate: (_app, manager, settings, links) => {
      const icon = new ui.LabIcon({ name: ICON, svgstr: ICONS.ask });
      document.head.append(Object.assign(document.createElement('style'), { textContent: STYLE }));
      const linkOf = (/** @type {Context} */ { widget }) => links.of(widget);
      manager.registerProvider({
        identifier: 'CompletionProvider:glm-magic',
        rank: RANK,
        renderer: null,
        isApplicable: async context => settings.isOn('completion') && !!linkOf(context)?.comm,
        fetch: async (request, context) => {
          const link = linkOf(context);
          const { items, ...range } = (link && (await offer(request, context, link))) ?? NOTHING;
          return { ...range, items: items.map(item => ({ ...item, icon })) };
        }
      });
    }
  };
}

/**
 * Return what may stand at the cursor, where it is a prompt's or a magic's.
 * @param {Request} request
 * @param {Context} context
 * @param {Link} link
 * @returns {Promise<Reply | null>}
 */
async function offer({ text, offset }, context, link) {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  if (CELL_MAGIC.test(line) || LINE_MAGIC.test(line)) return withHelp(text, offset, line, context, link);
  const typed = isPrompt(text) ? VALUE.exec(line)?.[1] : undefined;
  if (typed === undefined || !link.names) return null;
  const names = [...link.names].filter(([name]) => name.startsWith(typed));
  return {
    start: offset - typed.length,
    end: offset,
    items: names.map(([name, kind]) => ({ label: name, insertText: name, type: kind }))
  };
}

/**
 * Return what the kernel offers, with what its words mean.
 * @param {string} text
 * @param {number} offset
 * @param {string} line
 * @param {Context} context
 * @param {Link} link
 * @returns {Promise<Reply | null>}
 */
async function withHelp(text, offset, line, context, link) {
  const reply = await context.session?.kernel?.requestComplete({ code: text, cursor_pos: offset });
  if (reply?.content.status !== 'ok') return null;
  const { matches, cursor_start: start, cursor_end: end } = reply.content;
  const { options = [], verbs = [], models = [], tapes = [] } = link.words;
  const isFirst = /%glm\s+\S*$/.test(line) && LINE_MAGIC.test(line);
  const meanings = new Map([...models, ...options, ...tapes, ...(isFirst ? verbs : [])].map(word => [word[0], word]));
  const items = matches.flatMap(match => {
    const [, about, help] = meanings.get(match) ?? [];
    if (help === undefined) return [];
    const isModel = models.some(([name]) => name === match);
    const documentation = isModel ? `${match}\n${help}` : `${match} ${about}\n${help}`;
    return [{ label: match, insertText: match, type: isModel ? about : help, documentation }];
  });
  return { start, end, items };
}
