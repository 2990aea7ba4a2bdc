import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Preloaded into a process under test (`--import`): at SIGUSR2 it collects all garbage and writes what is left into the
 * file that its title names, so that what is remembered can be told from what is not yet collected.
 */
setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');
const file = process.execArgv.find((argument) => argument.startsWith('--title='))?.slice('--title='.length);

process.on('SIGUSR2', () => {
  if (typeof collect !== 'function' || file === undefined) return;
  collect();
  collect(); // what finalizers let go of in the first one
  writeFileSync(`${file}.part`, JSON.stringify(process.memoryUsage()));
  renameSync(`${file}.part`, file);
});
