import { isLoopbackAddress } from './is-loopback.js';

/**
 * Why a request may not be answered, or undefined when it may (security rule S19): the peer is not this machine, or
 * `Host` or `Origin` name somebody else, which is how a web page reaches a local server by DNS rebinding.
 */
export function refuseForeignRequest(request: {
  url: string;
  peer: string | undefined;
  host: string | undefined;
  origin: string | undefined;
}): string | undefined {
  if (!isLoopbackAddress(request.peer)) return 'Only for requests from this machine.';
  if (request.host !== new URL(request.url).host) return 'Unknown host.';
  if (request.origin !== undefined && request.origin !== request.url) return 'Foreign origin.';
  return undefined;
}
