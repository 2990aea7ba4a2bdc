/**
 * Reads the environment of a process, strictly. An unknown variable with our prefix fails the start. An error has one
 * line for each bad variable, without its value. Each app's `config.ts` has its variables, and it alone passes in
 * `process.env`. `variable` has the types: port, origin, url, list, flag, duration, secret, path.
 */
export { readEnvironment } from './read-environment.js';
export type { ReadEnvironmentOptions } from './read-environment.js';
export { variable } from './variables.js';
