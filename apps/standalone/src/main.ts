import 'reflect-metadata';
import { runProcess } from '@sallyport/process';
import { readConfig } from './config.js';
import { followStarter } from './follow-starter.js';
import { startStandalone } from './start-standalone.js';

await runProcess('sallyport', async (scope) => {
  followStarter(scope);
  const settings = readConfig(process.env);
  process.stdout.write(`${await startStandalone(settings, process.env, scope)}\n`);
});
