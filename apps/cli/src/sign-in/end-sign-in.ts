import * as oauth from 'oauth4webapi';
import type { World } from '../world.js';
import { CLIENT, findSignInServer } from './sign-in-server.js';
import type { SignedIn } from './signed-in.js';

/** Revokes what a sign-in left (RFC 7009). @returns whether the authorization server took note */
export async function endSignIn(world: World, { url, refreshToken, accessToken }: SignedIn): Promise<boolean> {
  try {
    const { server, options } = await findSignInServer(world, url);
    const token = refreshToken ?? accessToken;
    const response = await oauth.revocationRequest(server, CLIENT, oauth.None(), token, options);
    await oauth.processRevocationResponse(response);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
