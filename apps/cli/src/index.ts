/** The command line as a part of a program that holds more: `sallyport`, as npm has it. */
export { runMain } from './run-main.js';
export type { LocalPrograms } from './world.js';
