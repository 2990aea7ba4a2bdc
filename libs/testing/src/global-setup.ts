import { readTestEnvironment, sharedPostgresVariables } from './environment.js';
import { createTemplate, openPostgresServer } from './postgres.js';
import { sweepScratch } from './scratch.js';

const closers: (() => Promise<void>)[] = [];

/**
 * Vitest's global set-up for integration and end-to-end tests: one PostgreSQL per run, with a template every test file
 * copies. Projects that run together share what the first of them started.
 */
export async function setup(): Promise<void> {
  if (readTestEnvironment().sharedPostgres !== undefined) return;
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
