import { Secret } from '@sallyport/kernel';
import * as oauth from 'oauth4webapi';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { CLIENT, findSignInServer, whyOf } from './sign-in-server.js';
import { keepSignedIn, readSignedIn, type SignedIn } from './signed-in.js';

/** A token that ends sooner is refreshed before it is used. */
const MARGIN_MS = 30_000;

/**
 * The access token of a context, refreshed where it has to be. Two commands at once may refresh the same: the
 * authorization server answers a repetition as it did the first.
 * @returns `undefined` when nobody is signed in there
 */
export async function signedInToken(world: World, context: string, url: string): Promise<Secret | undefined> {
  const kept = await readSignedIn(world, context, url);
  if (kept === undefined) return undefined;
  if (kept.expiresAt - MARGIN_MS > world.now()) return new Secret(kept.accessToken);
  return new Secret((await refreshed(world, context, kept)).accessToken);
}

async function refreshed(world: World, context: string, kept: SignedIn): Promise<SignedIn> {
  if (kept.refreshToken === undefined) throw signInAgain(context, 'it has ended');
  const { server, resource, options } = await findSignInServer(world, kept.url);
  try {
    const more = { ...options, additionalParameters: { resource } };
    const response = await oauth.refreshTokenGrantRequest(server, CLIENT, oauth.None(), kept.refreshToken, more);
    const tokens = await oauth.processRefreshTokenResponse(server, CLIENT, response);
    return await keepSignedIn(world, context, kept.url, {
      ...tokens,
      ...(tokens.refresh_token === undefined && { refresh_token: kept.refreshToken }),
    });
  } catch (cause) {
    if (cause instanceof oauth.ResponseBodyError) throw signInAgain(context, whyOf(cause), cause);
    throw new CliError(EXIT.failed, `The sign-in could not be refreshed: ${whyOf(cause)}.`, ['Try again.'], { cause });
  }
}

const signInAgain = (context: string, why: string, cause?: unknown): CliError =>
  new CliError(
    EXIT.refused,
    `Your sign-in of context ${context} is over: ${why}.`,
    ['Sign in again: sallyport login'],
    {
      cause,
    },
  );
