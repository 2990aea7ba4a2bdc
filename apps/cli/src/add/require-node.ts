import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

/** What the HTTP client needs that asks servers. */
const LEAST = [22, 19] as const;

/** @throws CliError where this Node is too old to ask a server */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return;
  throw new CliError(EXIT.failed, `Asking a server needs Node ${LEAST.join('.')} or newer, and this is ${version}.`, [
    'In a clone, npm run -s cli -- add brings a newer one along. All other commands work with this one.',
  ]);
}
