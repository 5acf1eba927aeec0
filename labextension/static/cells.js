// What cells say about prompts: their texts, and the outputs that glm_magic left in the file.
//
// A notebook may come from anybody: whatever is read here has any form, and is shown as text only.

import { isPrompt, promptOf } from './magicLine.js';

/**
 * @typedef {import('@jupyterlab/cells').Cell} Cell
 * @typedef {{
 *   model: string, provider: string, status: string,
 *   input: number, output: number, used: number, estimated: boolean,
 *   cost: {amount: number, currency: string, estimated: boolean} | null,
 * }} SavedTurn
 */

/** @param {Cell} cell */
export function textOf(cell) {
  return cell.model.sharedModel.getSource();
}

/** @param {Cell | null | undefined} cell */
export function isPromptCell(cell) {
  return cell?.model.type === 'code' && isPrompt(textOf(cell));
}

/**
 * Return the beginning of a cell's prompt, in one line.
 * @param {Cell} cell
 */
export function shortPromptOf(cell) {
  const text = isPromptCell(cell) ? promptOf(textOf(cell)) : textOf(cell);
  return text.slice(0, 200).replace(/\s+/g, ' ').trim();
}

/**
 * Return a cell's outputs as the file has them.
 * @param {Cell | null | undefined} cell
 * @returns {any[]}
 */
export function outputsOf(cell) {
  const model = /** @type {any} */ (cell?.model);
  return model?.type === 'code' ? model.outputs.toJSON() : [];
}

/**
 * Return a cell's outputs that are replies.
 * @param {Cell} cell
 */
export function repliesOf(cell) {
  return outputsOf(cell).filter(output => isObject(output?.metadata?.glm_magic));
}

/**
 * Return the error that a cell's outputs show; not one of a prompt, whose message says what to do.
 * @param {Cell | null | undefined} cell
 * @returns {{ename: string, evalue: string, traceback: string[]} | undefined}
 */
export function errorOf(cell) {
  return isPromptCell(cell) ? undefined : outputsOf(cell).find(output => output.output_type === 'error');
}

/**
 * Return the turns of a reply; a comparison has several.
 * @param {any} output
 * @returns {SavedTurn[]}
 */
export function turnsOf(output) {
  const { glm_magic: saved } = output.metadata;
  const turns = Array.isArray(saved.lanes) ? saved.lanes : [saved];
  return turns.filter(isObject).map(turnOf);
}

/**
 * @param {any} turn
 * @returns {SavedTurn}
 */
function turnOf(turn) {
  const usage = isObject(turn.usage) ? turn.usage : isObject(turn.estimate) ? turn.estimate : {};
  const amount = Number(turn.cost?.amount);
  const currency = text(turn.cost?.currency);
  return {
    model: text(turn.model),
    provider: text(turn.provider),
    status: text(turn.status),
    input: count(usage.input),
    output: count(usage.output),
    used: count(usage.input) + count(count(usage.output) - count(usage.reasoning)),
    estimated: isObject(turn.estimate),
    cost:
      turn.cost && Number.isFinite(amount) && currency
        ? { amount, currency, estimated: turn.cost.estimated === true }
        : null
  };
}

/** @param {unknown} value */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
export function text(value) {
  return typeof value === 'string' ? value.slice(0, 80) : '';
}

/** @param {unknown} value */
export function count(value) {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
