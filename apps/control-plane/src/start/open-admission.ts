import { Admission } from '@sallyport/messaging';
import type { Foundation } from './foundation.js';

/**
 * A lease may wait for a provider, so many may be under way; the database serves as many as its pool has connections.
 */
const LEASES_AT_ONCE = { running: 256, runningPerAsker: 16, waiting: 2_000 } as const;
/** Each gateway has one of a kind under way. */
const SESSION_REQUESTS_AT_ONCE = { running: 4, runningPerAsker: 4, waiting: 200 } as const;

/** How many requests of gateways are served at once, and how many wait (S34). */
export function openAdmission({ clock, logger, scope }: Foundation, what: 'leases' | 'ended sessions'): Admission {
  const admission = new Admission({
    ...(what === 'leases' ? LEASES_AT_ONCE : SESSION_REQUESTS_AT_ONCE),
    clock,
    random: Math.random,
    onShedding: ({ shedding, ...counts }) =>
      shedding
        ? logger.warn({ what }, 'too many requests at once: some are turned away')
        : logger.info({ what, ...counts }, 'no more requests are turned away'),
  });
  scope.onClose(`admission of ${what}`, () => admission.stop());
  return admission;
}
