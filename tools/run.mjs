#!/usr/bin/env node
// What every npm script calls. Depends on nothing but Node >= 20: it installs what is missing, continues on the
// pinned Node, then runs the named command. `node tools/run.mjs` alone lists the commands.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commands, runsProduct } from './run/commands.mjs';
import { ensureInstalled } from './run/installation.mjs';
import { continueOnPinnedNode, refuseOldNode } from './run/node-version.mjs';
import { CommandFailed } from './run/process.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

const [name, ...rest] = process.argv.slice(2);
const args = rest[0] === '--' ? rest.slice(1) : rest;
const command = name === undefined ? undefined : commands[name];

try {
  if (command === undefined) throw new CommandFailed(`Usage: npm run ${Object.keys(commands).join(' | ')}`, 2);
  refuseOldNode(process.version);
  await ensureInstalled(root, runsProduct.has(name ?? '') ? 'product' : 'everything');
  await continueOnPinnedNode(root);
  await command(root, args);
} catch (error) {
  if (!(error instanceof CommandFailed)) throw error;
  if (error.message !== '') process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
