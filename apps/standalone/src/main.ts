import 'reflect-metadata';
import { runProcess } from '@sallyport/http';
import { readConfig } from './config.js';
import { startStandalone } from './start-standalone.js';

await runProcess('sallyport', async (scope) => {
  const settings = readConfig(process.env);
  process.stdout.write(`${await startStandalone(settings, process.env, scope)}\n`);
});
