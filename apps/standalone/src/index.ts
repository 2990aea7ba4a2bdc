/**
 * All of Sallyport in one process, for a developer's machine and a first look. Composes the apps; owns no behaviour of
 * theirs.
 */
export { runStandalone } from './run-standalone.js';
export { StandaloneEnvironment } from './config.js';
