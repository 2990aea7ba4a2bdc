import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Agent, buildConnector } from 'undici';
import {
  bareHost,
  refuseAddress,
  refuseDestination,
  type Destination,
  type OutboundAllowance,
} from './outbound-guard.js';

export interface GuardOptions {
  readonly allow: OutboundAllowance;
  /** PEM certificates of private authorities, trusted beside the system's. */
  readonly extraCertificateAuthorities?: readonly string[];
  /** PEM; shown to servers that ask for one. Its TLS sessions are not shared with connections made otherwise. */
  readonly clientCertificate?: { readonly certificate: string; readonly privateKey: string } | undefined;
  readonly connectTimeoutMs?: number;
  /** Replaced in tests; like `dns.lookup` with `all: true`. */
  readonly resolve?: (hostname: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => void;
}

const resolveBySystem: NonNullable<GuardOptions['resolve']> = (hostname, done) =>
  systemLookup(hostname, { all: true, verbatim: true }, (error, addresses) => done(error, addresses ?? []));

/**
 * The `connect` of an undici Pool, Client or Agent. Every address a name resolves to must pass, the connection goes to
 * one of exactly those, and the address actually reached is compared again: a name that changes its answer in between
 * (DNS rebinding) gains nothing. Errors reach the caller as SallyportError `outbound_refused`.
 */
export function guardedConnect({
  allow,
  extraCertificateAuthorities = [],
  clientCertificate,
  connectTimeoutMs = 5_000,
  resolve = resolveBySystem,
}: GuardOptions): buildConnector.connector {
  const trusted =
    extraCertificateAuthorities.length > 0
      ? { ca: [...getCACertificates('default'), ...extraCertificateAuthorities] }
      : {};
  const own =
    clientCertificate === undefined ? {} : { cert: clientCertificate.certificate, key: clientCertificate.privateKey };
  const connectTo = (destination: Destination): buildConnector.connector =>
    buildConnector({
      ...trusted,
      ...own,
      timeout: connectTimeoutMs,
      allowH2: false,
      lookup: guardedLookup(destination, allow, resolve),
    });
  const connectors = new Map<string, buildConnector.connector>();
  return (options, callback) => {
    const destination: Destination = {
      protocol: options.protocol,
      hostname: options.hostname,
      port: portOf(options.port, options.protocol),
    };
    try {
      refuseDestination(destination, allow);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    const key = `${destination.protocol}//${destination.hostname}:${destination.port}`;
    let connector = connectors.get(key);
    if (!connector) {
      if (connectors.size >= 1_000) connectors.clear();
      connector = connectTo(destination);
      connectors.set(key, connector);
    }
    connector(options, (...result) => {
      const [error, socket] = result;
      if (error || !socket) return callback(...result);
      try {
        refuseAddress(socket.remoteAddress ?? '', destination, allow);
      } catch (refused) {
        socket.destroy();
        return callback(refused instanceof Error ? refused : new Error(String(refused)), null);
      }
      callback(null, socket);
    });
  };
}

/** An undici Agent behind the guard. Follows no redirect. */
export function createGuardedAgent(guard: GuardOptions, options: Omit<Agent.Options, 'connect'> = {}): Agent {
  return new Agent({ ...options, connect: guardedConnect(guard) });
}

function guardedLookup(
  destination: Destination,
  allow: OutboundAllowance,
  resolve: NonNullable<GuardOptions['resolve']>,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(bareHost(hostname), (error, addresses) => {
      if (error) return callback(error, '', 0);
      try {
        for (const { address } of addresses) refuseAddress(address, destination, allow);
      } catch (refused) {
        return callback(refused instanceof Error ? refused : new Error(String(refused)), '', 0);
      }
      const first = addresses[0];
      if (!first) return callback(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), '', 0);
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

function portOf(port: string, protocol: string): number {
  return port ? Number(port) : protocol === 'https:' ? 443 : 80;
}
