import type { Secret } from '@sallyport/kernel';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { readToken, type Target } from './find-target.js';

/**
 * What proves who asks: a token from a file, a machine agent of the environment, or the sign-in of the context. What is
 * said wins over what is kept.
 */
export async function proofFor(world: World, target: Target): Promise<() => Promise<Secret>> {
  const { tokenFile, url, contextName } = target;
  if (tokenFile !== undefined) {
    const token = await readToken(world, tokenFile);
    return () => Promise.resolve(token);
  }
  const { SALLYPORT_CLIENT_ID: clientId } = world.environment;
  if (clientId !== undefined) {
    const { machineToken } = await import('../sign-in/as-machine.js');
    const token = machineToken(world, url, clientId); // good for minutes: one for the command
    return () => token;
  }
  const { signedInToken } = await import('../sign-in/refresh.js');
  if (contextName !== undefined && (await signedInToken(world, contextName, url)) !== undefined)
    return async () => (await signedInToken(world, contextName, url)) ?? notSignedIn(url);
  return notSignedIn(url);
}

function notSignedIn(url: string): never {
  throw new CliError(EXIT.refused, `You are not signed in at ${url}.`, [
    `Sign in: sallyport login ${url}`,
    'Or name a file with an administrator’s token: --token-file FILE, or SALLYPORT_ADMIN_TOKEN_FILE.',
  ]);
}
