import * as oauth from 'oauth4webapi';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';

/** The client that every command line is; it has no secret. */
export const CLIENT: oauth.Client = { client_id: 'sallyport-cli' };

/** Where administrators of a control plane sign in, and what they sign in for. */
export interface SignInServer {
  readonly server: oauth.AuthorizationServer;
  /** The API as a resource (RFC 8707): tokens for it are good nowhere else. */
  readonly resource: string;
  readonly options: HttpOptions;
}

interface HttpOptions {
  readonly [oauth.customFetch]: (url: string, options: oauth.CustomFetchOptions<string, unknown>) => Promise<Response>;
  readonly [oauth.allowInsecureRequests]: boolean;
  readonly signal: () => AbortSignal;
}

const TIMEOUT_MS = 20_000;

/**
 * Finds it by what the API says of itself (RFC 9728), then by the authorization server's metadata (RFC 8414).
 * @throws CliError when the API names none, or it is not what was named
 */
export async function findSignInServer(world: World, url: string): Promise<SignInServer> {
  const options: HttpOptions = {
    [oauth.customFetch]: (address, init) => world.fetch(address, init as RequestInit),
    [oauth.allowInsecureRequests]: new URL(url).protocol === 'http:', // only this machine: `checkedUrl`
    signal: () => AbortSignal.any([world.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  };
  try {
    const api = new URL(`${url}/v1`);
    const described = await oauth.resourceDiscoveryRequest(api, options);
    const { resource, authorization_servers: issuers } = await oauth.processResourceDiscoveryResponse(api, described);
    const [issuer] = issuers ?? [];
    if (issuer === undefined) throw new Error('it names no authorization server');
    const found = await oauth.discoveryRequest(new URL(issuer), { ...options, algorithm: 'oauth2' });
    return { server: await oauth.processDiscoveryResponse(new URL(issuer), found), resource, options };
  } catch (cause) {
    if (world.signal.aborted) throw cause;
    throw new CliError(
      EXIT.failed,
      `Where to sign in for ${url} was not found: ${whyOf(cause)}.`,
      ['Check the address: it is that of the control plane. A token file works without a sign-in: --token-file FILE.'],
      { cause },
    );
  }
}

/** The words of the innermost error, without its stack. */
export function whyOf(error: unknown): string {
  if (error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError)
    return [error.error, error.error_description].filter((one) => one !== undefined).join(': ');
  if (!(error instanceof Error)) return String(error);
  return (error.cause instanceof Error ? whyOf(error.cause) : error.message).replace(/\.$/, '');
}
