import { isIP } from 'node:net';
import { SallyportError } from '@sallyport/kernel';
import ipaddr from 'ipaddr.js';

/** An entry of the `OutboundNetwork` document. Without `ports` it is for every port of the host. */
export interface AllowedHost {
  readonly host: string;
  readonly ports?: readonly number[] | undefined;
  /** Whether we may call it by plain http. */
  readonly http?: boolean | undefined;
}
/** The hosts we may call beyond public ones. A function is called at every connection, so a change counts at once. */
export type OutboundAllowance = readonly AllowedHost[] | (() => readonly AllowedHost[]);

export interface Destination {
  /** `http:` or `https:` */
  readonly protocol: string;
  /** As in a URL: IPv6 with or without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Addresses in public ranges that are a cloud's own service on the machine, such as Azure's. */
const PLATFORM_ADDRESSES = new Set(['168.63.129.16']);

/** Whether an address is globally routable unicast: not reserved, private, translated or tunnelled. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address); // unwraps IPv4-mapped IPv6
  if (parsed.range() !== 'unicast' || PLATFORM_ADDRESSES.has(parsed.toString())) return false;
  // 2000::/3 is all that IANA has given out for global unicast
  return parsed instanceof ipaddr.IPv4 || ((parsed.parts[0] ?? 0) & 0xe000) === 0x2000;
}

/**
 * Refuses a URL that the guard refuses whatever its name resolves to.
 * @throws SallyportError `outbound_refused`
 */
export function refuseUrl(url: URL, allow: OutboundAllowance): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refusal(url.hostname, 'only https may be called');
  if (url.username || url.password) throw refusal(url.hostname, 'the address carries user information');
  refuseDestination(destinationOf(url), allow);
}

/**
 * Whether we may send a browser to a URL that somebody else named: to https, or to plain http where an administrator
 * allowed it. The browser's network is not ours, so its addresses are not checked.
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
    throw refusal(destination.hostname, 'only https may be called', destination);
  const host = bareHost(destination.hostname);
  if (isIP(host)) refuseAddress(host, destination, allow);
}

/** @throws SallyportError `outbound_refused` unless the address is public or the administrator allowed the host. */
export function refuseAddress(address: string, destination: Destination, allow: OutboundAllowance): void {
  if (isPublicAddress(address) || allowanceFor(destination, allow)) return;
  throw refusal(destination.hostname, 'it is on a private or reserved network', destination);
}

/** Whether an administrator named the host. Then the guard does not check its addresses. */
export const isListed = (destination: Destination, allow: OutboundAllowance): boolean =>
  allowanceFor(destination, allow) !== undefined;

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

/** A host that YAML reads as text without quotes. */
const PLAIN_HOST = /^(?:[a-z][a-z0-9.-]*|\d{1,3}(?:\.\d{1,3}){3})$/;

/** The `OutboundNetwork` entry that allows exactly this, as YAML: `{ host: 10.0.0.5, ports: [9000], http: true }`. */
function entryFor({ hostname, port, protocol }: Destination): string {
  const host = bareHost(hostname);
  const written = PLAIN_HOST.test(host) ? host : `'${host}'`;
  return `{ host: ${written}, ports: [${port}]${protocol === 'http:' ? ', http: true' : ''} }`;
}

export const allowEntryFor = (url: URL): string => entryFor(destinationOf(url));

/** The part of a refusal for administrators: the line of `OutboundNetwork` that would allow the destination. */
interface RefusedDestination {
  readonly allow?: string;
}

/** @param mendable a destination that an `OutboundNetwork` entry could allow */
function refusal(hostname: string, why: string, mendable?: Destination): SallyportError<'outbound_refused'> {
  const detail: RefusedDestination = mendable === undefined ? {} : { allow: `- ${entryFor(mendable)}` };
  return new SallyportError('outbound_refused', `Calling ${hostname} is not allowed: ${why}.`, { detail });
}
