import type { AdminClient, Answered } from '@sallyport/admin-api';
import { setTimeout as wait } from 'node:timers/promises';
import type { Output } from '../terminal/output.js';

const EVERY_MS = 200;

/** Gateways that do not apply a revision yet, by name; none: it is live. */
export interface Liveness {
  readonly gateways: number;
  readonly waiting: readonly string[];
}

/** Waits until every gateway that runs reports the revision. Resolves in time, and says which do not. */
export async function waitUntilLive(
  api: AdminClient,
  { epoch, revision }: { readonly epoch: string; readonly revision: number },
  { output, timeoutMs, signal }: { readonly output: Output; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Liveness> {
  for (const deadline = performance.now() + timeoutMs; ;) {
    const liveness = livenessOf(await api.readStatus(), { epoch, revision });
    if (liveness.waiting.length === 0 || performance.now() > deadline) return liveness;
    const there = liveness.gateways - liveness.waiting.length;
    output.progress(`revision ${revision} is at ${there} of ${liveness.gateways} gateways`);
    await wait(EVERY_MS, undefined, { signal });
  }
}

export function livenessOf(
  { replicas }: Pick<Answered<'readStatus'>, 'replicas'>,
  { epoch, revision }: { readonly epoch: string; readonly revision: number },
): Liveness {
  const gateways = replicas.filter(({ service, isSilent }) => service === 'gateway' && !isSilent);
  const waiting = gateways.filter(
    ({ configuration }) => configuration?.epoch !== epoch || configuration.revision < revision,
  );
  return {
    gateways: gateways.length,
    waiting: waiting.map(({ replica, worker }) => (worker === null ? replica : `${replica} (worker ${worker})`)),
  };
}
