import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { callbackify } from 'node:util';
import { hasCode } from '@sallyport/kernel';
import { Agent, buildConnector } from 'undici';
import { openTunnel, proxyFailure } from './open-tunnel.js';
import {
  bareHost,
  destinationOf,
  isListed,
  refuseAddress,
  refuseDestination,
  refuseUrl,
  type Destination,
  type OutboundAllowance,
} from './outbound-guard.js';
import { proxyFor, type OutboundProxy, type ProxyServer } from './outbound-proxy.js';

export interface GuardOptions {
  readonly allow: OutboundAllowance;
  /** PEM certificates of private authorities, trusted beside the system's. */
  readonly extraCertificateAuthorities?: readonly string[];
  /** PEM, for servers that ask for a client certificate. No other connection shares its TLS sessions. */
  readonly clientCertificate?: { readonly certificate: string; readonly privateKey: string } | undefined;
  readonly connectTimeoutMs?: number;
  /** The operator's proxies. Calls between our own processes leave it out. */
  readonly proxy?: OutboundProxy | undefined;
  /** Replaced in tests; like `dns.lookup` with `all: true`. */
  readonly resolve?: (hostname: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => void;
}

const resolveBySystem: NonNullable<GuardOptions['resolve']> = (hostname, done) =>
  systemLookup(hostname, { all: true, verbatim: true }, (error, addresses) => done(error, addresses ?? []));

/** After this time without an answer of the name server the proxy resolves the name, if it may. */
const RESOLVE_MS = 2_000;

/**
 * Creates the `connect` of an undici Pool, Client or Agent. The guard checks every address a name resolves to, connects
 * to one of exactly those, and checks the address it reached once more. So a name that changes its answer in between
 * (DNS rebinding) gains nothing. A proxy resolves names itself; the guard checks them before it asks the proxy
 * (decision record 0032 says what that leaves open). Callers get SallyportError `outbound_refused` or
 * `outbound_proxy_failed`.
 */
export function guardedConnect({
  allow,
  extraCertificateAuthorities = [],
  clientCertificate,
  connectTimeoutMs = 5_000,
  resolve = resolveBySystem,
  proxy,
}: GuardOptions): buildConnector.connector {
  const ca =
    extraCertificateAuthorities.length > 0
      ? [...getCACertificates('default'), ...extraCertificateAuthorities]
      : undefined;
  const own =
    clientCertificate === undefined ? {} : { cert: clientCertificate.certificate, key: clientCertificate.privateKey };
  const tls = { ...(ca === undefined ? {} : { ca }), ...own, timeout: connectTimeoutMs, allowH2: false };
  const connectTo = (destination: Destination): buildConnector.connector =>
    buildConnector({ ...tls, lookup: guardedLookup(destination, allow, resolve) });
  const connectors = new Map<string, buildConnector.connector>();
  const direct =
    (destination: Destination): buildConnector.connector =>
    (options, callback) => {
      known(
        connectors,
        destination,
        connectTo,
      )(options, (...result) => {
        const [error, socket] = result;
        if (error || !socket) return callback(...result);
        try {
          refuseAddress(socket.remoteAddress ?? '', destination, allow);
        } catch (refused) {
          socket.destroy();
          return callback(errorOf(refused), null);
        }
        callback(null, socket);
      });
    };
  const through = throughProxy({
    allow,
    resolve,
    resolvesNames: proxy?.resolvesNames ?? false,
    onFailure: proxy?.onFailure,
    timeoutMs: connectTimeoutMs,
    ca,
    startTls: buildConnector(tls),
  });
  return (options, callback) => {
    const destination: Destination = {
      protocol: options.protocol,
      hostname: options.hostname,
      port: portOf(options.port, options.protocol),
    };
    try {
      refuseDestination(destination, allow);
    } catch (error) {
      callback(errorOf(error), null);
      return;
    }
    const server = proxyFor(proxy, destination);
    (server === undefined ? direct(destination) : through(server, destination))(options, callback);
  };
}

function known(
  connectors: Map<string, buildConnector.connector>,
  destination: Destination,
  make: (destination: Destination) => buildConnector.connector,
): buildConnector.connector {
  const key = `${destination.protocol}//${destination.hostname}:${destination.port}`;
  let connector = connectors.get(key);
  if (!connector) {
    if (connectors.size >= 1_000) connectors.clear();
    connector = make(destination);
    connectors.set(key, connector);
  }
  return connector;
}

interface ThroughProxy extends Required<Pick<GuardOptions, 'allow' | 'resolve'>>, Pick<OutboundProxy, 'resolvesNames'> {
  readonly onFailure: OutboundProxy['onFailure'] | undefined;
  /** Milliseconds for the connection to the proxy, and as many for TLS with the host behind it. */
  readonly timeoutMs: number;
  readonly ca: string[] | undefined;
  /** Begins TLS with the host inside the tunnel. It has our client certificate, which the proxy must not get. */
  readonly startTls: buildConnector.connector;
}

function throughProxy({
  timeoutMs,
  ca,
  startTls,
  onFailure,
  ...guard
}: ThroughProxy): (server: ProxyServer, destination: Destination) => buildConnector.connector {
  return (server, destination) => (options, callback) => {
    const open = callbackify(async () => {
      await refuseBeforeProxy(destination, {
        ...guard,
        resolveMs: guard.resolvesNames ? Math.min(RESOLVE_MS, timeoutMs) : timeoutMs,
      });
      return await openTunnel(
        server,
        { hostname: bareHost(destination.hostname), port: destination.port },
        { timeoutMs, ca },
      );
    });
    open((error, tunnel) => {
      if (error) {
        if (hasCode(error, 'outbound_proxy_failed')) onFailure?.(error);
        return callback(error, null);
      }
      if (destination.protocol !== 'https:') return callback(null, tunnel);
      startTls({ ...options, httpSocket: tunnel }, (...result) => {
        if (result[0]) tunnel.destroy();
        callback(...result);
      });
    });
  };
}

/** @throws SallyportError `outbound_refused`, or `outbound_proxy_failed` for a name that does not resolve here */
async function refuseBeforeProxy(
  destination: Destination,
  {
    allow,
    resolve,
    resolvesNames,
    resolveMs,
  }: Pick<ThroughProxy, 'allow' | 'resolve' | 'resolvesNames'> & { readonly resolveMs: number },
): Promise<void> {
  const host = bareHost(destination.hostname);
  if (isIP(host) !== 0 || isListed(destination, allow)) return;
  const { addresses, cause } = await new Promise<{
    readonly addresses: readonly LookupAddress[];
    readonly cause?: Error;
  }>((done) => {
    const late = setTimeout(() => done({ addresses: [] }), resolveMs);
    resolve(host, (error, addresses) => {
      clearTimeout(late);
      done(error ? { addresses: [], cause: error } : { addresses });
    });
  });
  for (const { address } of addresses) refuseAddress(address, destination, allow);
  if (addresses.length > 0 || resolvesNames) return;
  throw proxyFailure(
    `${host} does not resolve here, so the proxy was not asked for it: name it in OutboundNetwork, ` +
      'or set SALLYPORT_PROXY_RESOLVES=true if the proxy itself refuses private addresses.',
    { cause },
  );
}

const errorOf = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Creates an undici Agent behind the guard. It follows no redirect. */
export function createGuardedAgent(guard: GuardOptions, options: Omit<Agent.Options, 'connect'> = {}): Agent {
  return new Agent({ ...options, connect: guardedConnect(guard) });
}

/**
 * Checks a URL and the addresses of its name as a call would. A name that does not resolve passes: it may resolve
 * later.
 * @throws SallyportError `outbound_refused`
 */
export async function refuseResolved(
  url: URL,
  { allow, resolve = resolveBySystem }: Pick<GuardOptions, 'allow' | 'resolve'>,
): Promise<void> {
  refuseUrl(url, allow);
  const addresses = await new Promise<LookupAddress[]>((done) =>
    resolve(bareHost(url.hostname), (error, found) => done(error ? [] : found)),
  );
  for (const { address } of addresses) refuseAddress(address, destinationOf(url), allow);
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
        return callback(errorOf(refused), '', 0);
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
