import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@sallyport/testing';
import type { FuzzFailure } from './run-cases.js';

/** How a case, or a whole run, is sent once more. */
export const repeatCommand = (target: 'oauth' | 'mcp', seed: number, range: string): string =>
  `npm run fuzz -- ${target} --seed ${seed} ${range}`;

/**
 * Writes what failed, request and answer as they were, where the checkout keeps what is not committed.
 * @returns the file, if there was a failure
 */
export function keepFailures(
  target: 'oauth' | 'mcp',
  seed: number,
  failures: readonly FuzzFailure<unknown, unknown>[],
  folder = join(repositoryRoot, '.cache', 'fuzz'),
): string | undefined {
  if (failures.length === 0) return undefined;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${target}-${seed}.json`);
  const cases = failures.map(({ index, ...failure }) => ({
    index,
    repeat: repeatCommand(target, seed, `--case ${index}`),
    ...failure,
  }));
  writeFileSync(file, `${JSON.stringify({ target, seed, cases }, readable, 2)}\n`, { mode: 0o600 });
  return file;
}

/** Maps as objects, bytes as base64 with the text they may be beside it. */
function readable(_name: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (
    typeof value !== 'object' ||
    value === null ||
    !('type' in value) ||
    value.type !== 'Buffer' ||
    !('data' in value)
  )
    return value;
  const bytes = Buffer.from(value.data as number[]);
  return { base64: bytes.toString('base64'), text: bytes.toString('utf8') };
}
