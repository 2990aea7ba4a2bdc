import { loopbackSpellings } from '@sallyport/kernel';

/** Where RFC 9728 section 3 puts the metadata of a resource: before its path. */
export const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** The one resource of a gateway; what is below it are its servers, one by one. */
const RESOURCE_PATH = '/mcp';

/**
 * The address an agent asked for, spelled as the agent spelled it. An agent compares it with `resource` in the metadata
 * (RFC 9728 section 3.3) and signs it in its proofs (RFC 9449 section 4.2).
 */
export interface AskedAddress {
  /** `https://gateway.example/mcp`, or below it. */
  readonly resource: string;
  /** Where the metadata of that resource is. */
  readonly metadata: string;
}

/**
 * @param publicUrl the gateway's own origin. A request names it, or another spelling of a loopback one (security rule
 * S19).
 */
export function createAskedAddress(publicUrl: string): (host: string, url: string | undefined) => AskedAddress {
  const origins = new Map([publicUrl, ...loopbackSpellings(publicUrl)].map((origin) => [new URL(origin).host, origin]));
  return (host, url = RESOURCE_PATH) => {
    const origin = origins.get(host.toLowerCase()) ?? publicUrl;
    const [asked = ''] = url.split('?');
    const path = asked.startsWith(WELL_KNOWN) ? asked.slice(WELL_KNOWN.length) : asked;
    const named = path === '' || path === '/' ? RESOURCE_PATH : path;
    return { resource: `${origin}${named}`, metadata: `${origin}${WELL_KNOWN}${named}` };
  };
}
