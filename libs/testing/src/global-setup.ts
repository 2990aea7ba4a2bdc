import { readTestEnvironment, scratchVariable, sharedPostgresVariables } from './environment.js';
import { createTemplate, openPostgresServer } from './postgres.js';
import { findMemoryFolder, sweepScratch } from './scratch.js';

const closers: (() => Promise<void>)[] = [];

/**
 * Vitest's global set-up for integration and end-to-end tests: one PostgreSQL per run, with a template every test file
 * copies. Projects that run together share what the first of them started. What they write stays in memory where the
 * system has a place for it: nobody reads it after the run, and every flush to a disk would be waited for.
 */
export async function setup(): Promise<void> {
  if (readTestEnvironment().sharedPostgres !== undefined) return;
  const memory = findMemoryFolder();
  if (memory !== undefined) process.env[scratchVariable] = memory;
  sweepScratch();
  const server = await openPostgresServer();
  closers.push(() => server.stop());
  const template = await createTemplate(server.adminUrl);
  closers.push(() => template.stop());
  process.env[sharedPostgresVariables.adminUrl] = server.adminUrl;
  process.env[sharedPostgresVariables.template] = template.name;
}

export async function teardown(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}
