import { isIP } from 'node:net';
import { SallyportError } from '@sallyport/kernel';
import ipaddr from 'ipaddr.js';

/** An entry of the `OutboundNetwork` document. Without `ports`, every port of the host. */
export interface AllowedHost {
  readonly host: string;
  readonly ports?: readonly number[] | undefined;
  /** Plain http is tolerated there. */
  readonly http?: boolean | undefined;
}
/** A function is asked again at every connection, so that a configuration change takes effect at once. */
export type OutboundAllowance = readonly AllowedHost[] | (() => readonly AllowedHost[]);

export interface Destination {
  /** `http:` or `https:` */
  readonly protocol: string;
  /** As in a URL: IPv6 with or without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Public by its range, and in fact a cloud's own service on the machine: Azure's platform address. */
const PLATFORM_ADDRESSES = new Set(['168.63.129.16']);

/** Globally routable unicast; everything reserved, private, translated or tunnelled is not. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address); // unwraps IPv4-mapped IPv6
  if (parsed.range() !== 'unicast' || PLATFORM_ADDRESSES.has(parsed.toString())) return false;
  // 2000::/3 is all that IANA has given out for global unicast
  return parsed instanceof ipaddr.IPv4 || ((parsed.parts[0] ?? 0) & 0xe000) === 0x2000;
}

/**
 * What can be refused before a name is resolved.
 * @throws SallyportError `outbound_refused`
 */
export function refuseUrl(url: URL, allow: OutboundAllowance): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refusal(url.hostname, 'only https may be called');
  if (url.username || url.password) throw refusal(url.hostname, 'the address carries user information');
  refuseDestination(destinationOf(url), allow);
}

/**
 * Whether a browser may be sent to an address that somebody else named: https, or plain http where the administrator tolerates
 * it. Which networks a browser reaches is not ours to say.
 */
export function mayVisit(url: URL, allow: OutboundAllowance): boolean {
  if (url.username || url.password) return false;
  return (
    url.protocol === 'https:' || (url.protocol === 'http:' && allowanceFor(destinationOf(url), allow)?.http === true)
  );
}

export function refuseDestination(destination: Destination, allow: OutboundAllowance): void {
  const entry = allowanceFor(destination, allow);
  if (destination.protocol !== 'https:' && !entry?.http)
    throw refusal(destination.hostname, 'only https may be called');
  const host = bareHost(destination.hostname);
  if (isIP(host)) refuseAddress(host, destination, allow);
}

/** @throws SallyportError `outbound_refused` unless the address is public or the administrator allowed the host. */
export function refuseAddress(address: string, destination: Destination, allow: OutboundAllowance): void {
  if (isPublicAddress(address) || allowanceFor(destination, allow)) return;
  throw refusal(destination.hostname, 'it is on a private or reserved network');
}

export function destinationOf(url: URL): Destination {
  return {
    protocol: url.protocol,
    hostname: url.hostname,
    port: url.port ? Number(url.port) : url.protocol === 'https:' ? 443 : 80,
  };
}

export function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

function allowanceFor({ hostname, port }: Destination, allow: OutboundAllowance): AllowedHost | undefined {
  const entries = typeof allow === 'function' ? allow() : allow;
  const host = bareHost(hostname);
  const matching = entries.filter(
    (entry) => bareHost(entry.host) === host && (entry.ports === undefined || entry.ports.includes(port)),
  );
  return matching.find((entry) => entry.http) ?? matching[0];
}

function refusal(hostname: string, why: string): SallyportError<'outbound_refused'> {
  return new SallyportError('outbound_refused', `Calling ${hostname} is not allowed: ${why}.`);
}
