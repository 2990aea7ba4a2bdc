import { BoundedMap, systemClock, type Clock, type SallyportError } from '@sallyport/kernel';
import type { OutboundProxy } from './outbound-proxy.js';

const A_MINUTE_MS = 60_000;
/** Agents name hosts at will, so there is a limit to the lines they can cause. */
const LINES_A_MINUTE = 20;

/** Logs the failures of a proxy, each message at most once a minute. The caller still gets the error. */
export function tellingProxy(
  proxy: OutboundProxy | undefined,
  logger: { warn(about: object, message: string): void },
  clock: Clock = systemClock,
): OutboundProxy | undefined {
  if (proxy === undefined) return undefined;
  const saidAt = new BoundedMap<string, number>(100);
  let lately: readonly number[] = [];
  const onFailure = ({ message }: SallyportError): void => {
    const now = clock();
    if (now - (saidAt.get(message) ?? -Infinity) < A_MINUTE_MS) return;
    lately = lately.filter((at) => now - at < A_MINUTE_MS);
    if (lately.length >= LINES_A_MINUTE) return;
    saidAt.set(message, now);
    lately = [...lately, now];
    logger.warn({ said: message }, 'a call did not get through the proxy');
  };
  return { ...proxy, onFailure };
}
