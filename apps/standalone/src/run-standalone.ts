import 'reflect-metadata';
import { runProcess } from '@sallyport/process';
import { readConfig } from './config.js';
import { followStarter } from './follow-starter.js';
import type { Typed } from './greeting.js';
import { startStandalone } from './start-standalone.js';

/** Makes this process the whole system, until it is stopped. Resolves once it has started, or could not. */
export const runStandalone = (env: Readonly<Record<string, string | undefined>>, typed: Typed): Promise<void> =>
  runProcess('sallyport', async (scope) => {
    followStarter(scope);
    const settings = readConfig(env);
    process.stdout.write(`${await startStandalone(settings, env, scope, typed)}\n`);
  });
