#!/usr/bin/env node
import { homedir } from 'node:os';
import { readConfig } from './config.js';
import { EXIT } from './exit-code.js';
import { runCli } from './run-cli.js';
import type { Sink } from './world.js';

const interrupted = new AbortController();
process.once('SIGINT', () => {
  interrupted.abort();
  process.stderr.write('\n');
  process.exit(EXIT.interrupted);
});
// `sallyport events | head` is no failure: who reads has had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

const sink = (stream: NodeJS.WriteStream): Sink => ({
  write: (text) => void stream.write(text),
  isTerminal: stream.isTTY === true, // undefined for a file or a pipe, whatever its type says
  columns: () => stream.columns,
});

process.exitCode = await runCli(process.argv.slice(2), {
  environment: readConfig(process.env),
  variables: process.env,
  directory: process.cwd(),
  home: homedir(),
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  async readStdin() {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  },
  now: Date.now,
  fetch: globalThis.fetch,
  signal: interrupted.signal,
});
