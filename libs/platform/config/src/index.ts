/**
 * Reading a process's environment, strictly: unknown variables with our prefix fail the start and each bad one is
 * named in one line without its value. Which variables there are is said in each app's `config.ts`, the only place
 * that passes `process.env` in. `variable` holds the kinds: port, origin, url, list, flag, duration, secret, path.
 */
export { readEnvironment } from './read-environment.js';
export type { ReadEnvironmentOptions } from './read-environment.js';
export { variable } from './variables.js';
