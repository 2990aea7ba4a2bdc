import { CommandFailed } from './process.mjs';

/** In the order `npm test` runs them; the first failure ends the run. */
export const stepNames = /** @type {const} */ (['format', 'types', 'lint', 'boundaries', 'unit', 'int', 'e2e']);
/** @typedef {(typeof stepNames)[number]} StepName */

/** @param {string} word @returns {word is StepName} */
const isStep = (word) => /** @type {readonly string[]} */ (stepNames).includes(word);

/**
 * `[]` → all steps; `['unit', 'int']` → those, in order; `['unit', 'libs/kernel']` → one step and what its runner is told.
 * @param {readonly string[]} args
 * @returns {{ steps: readonly StepName[], rest: readonly string[] }}
 */
export function selectSteps(args) {
  const firstOther = args.findIndex((word) => !isStep(word));
  const named = firstOther === -1 ? args : args.slice(0, firstOther);
  const rest = (firstOther === -1 ? [] : args.slice(firstOther)).filter((word) => word !== '--');
  if (rest.length > 0 && named.length !== 1) {
    throw new CommandFailed(
      `"${rest[0]}" is no part of the tests. Parts: ${stepNames.join(', ')}. Further words go to the runner of a single part: npm test -- unit libs/kernel`,
      2,
    );
  }
  return { steps: named.length === 0 ? stepNames : stepNames.filter((name) => named.includes(name)), rest };
}

/** @param {number} milliseconds */
export const inSeconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;
