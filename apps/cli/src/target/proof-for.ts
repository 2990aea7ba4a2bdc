import type { Secret } from '@sallyport/kernel';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { readToken, type Target } from './find-target.js';

/** What proves who asks: a token from a file. */
export async function proofFor(world: World, target: Target): Promise<Secret> {
  if (target.tokenFile !== undefined) return await readToken(world, target.tokenFile);
  throw new CliError(EXIT.refused, `You are not signed in at ${target.url}.`, [
    'Name a file with an administrator’s token: --token-file FILE, or SALLYPORT_ADMIN_TOKEN_FILE.',
  ]);
}
