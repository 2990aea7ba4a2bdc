import { isForAdministrators } from '@sallyport/authorization/own-clients';
import { loopbackSpellings } from '@sallyport/kernel';
import type { Client } from 'oidc-provider';
import { isFirstParty } from './client-metadata.js';

/** What tokens are for (RFC 8707). A token for the one is good for nothing at the other. */
export interface Resources {
  /** e.g. `https://gateway.example/mcp`, for agents. */
  readonly gateway: string;
  /** e.g. `https://control.example/v1`, for administrators: the command line, the console, pipelines. */
  readonly api: string;
}

/** The resource that a client means when it names none; `undefined` for our own pages, which get none. */
export function defaultResourceOf(client: Pick<Client, 'clientId'>, { gateway, api }: Resources): string | undefined {
  if (isFirstParty(client)) return undefined;
  return isForAdministrators(client.clientId) ? api : gateway;
}

/**
 * Whether this client may ask for tokens for this resource. No agent with a user gets one for the API, whoever its user
 * is: an agent does not administer. A machine agent may be a pipeline, and may ask for both.
 */
export function mayHaveResource(client: Client, resource: string, resources: Resources): boolean {
  if (resource === defaultResourceOf(client, resources)) return true;
  return resource === resources.api && !isFirstParty(client) && client.grantTypeAllowed('client_credentials');
}

/**
 * The gateway's address, or one of its servers' below it; each with or without a final slash. Nothing but its origin,
 * too.
 */
const PATHS = /^\/(?:mcp(?:\/[^/]*)?\/?)?$/;

/**
 * The names that clients have for a resource (RFC 8707): they send the address they were given, as its metadata says it
 * (RFC 9728 section 3.3). What agents get is a token for the gateway as a whole in any case, and policy decides on each
 * server. Whether there is a server of that name is not looked at: unknown names answer alike.
 * @returns the resource for each of its names, and anything else as it was
 */
export function createResourceNames({ gateway, api }: Resources): (requested: string) => string {
  const names = [gatewayNames(gateway), namesOf(api, /^\/v1\/?$/)];
  return (requested) => names.reduce((name, canonical) => canonical(name), requested);
}

/** The names of the gateway alone: what somebody else asserts is for agents. */
export const gatewayNames = (gateway: string): ((requested: string) => string) => namesOf(gateway, PATHS);

function namesOf(resource: string, paths: RegExp): (requested: string) => string {
  const { origin } = new URL(resource);
  const origins = new Set([origin, ...loopbackSpellings(origin)]);
  return (requested) => {
    const url = URL.parse(requested);
    if (url === null || url.search !== '' || url.hash !== '' || requested.includes('#')) return requested;
    if (url.username !== '' || url.password !== '') return requested;
    return origins.has(url.origin) && paths.test(url.pathname) ? resource : requested;
  };
}

/** Names one resource once, however it was spelled. @param requested as it came: nothing, one, or several */
export function withCanonicalResource(requested: unknown, canonical: (requested: string) => string): unknown {
  if (typeof requested === 'string') return canonical(requested);
  if (!Array.isArray(requested)) return requested;
  const names = new Set(requested.map((name: unknown) => (typeof name === 'string' ? canonical(name) : name)));
  return names.size === 1 ? [...names][0] : [...names];
}
