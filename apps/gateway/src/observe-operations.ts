import type { CallRecord } from '@sallyport/messages';
import { CappedNames } from '@sallyport/telemetry';
import type { BoundCounter, BoundHistogram, Metrics } from '@sallyport/telemetry';
import { errorTypeOf } from './call/call-span.js';
import { METHODS } from './observe-calls.js';
import type { ObserveServer } from './outbound/observe-server.js';

/** Of the conventions for MCP, in seconds. */
const SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];
/** From 0.1 ms to 100 ms. */
const OVERHEAD_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];
const AGE_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 900];
/** What servers and agents make up is told by name up to so many. */
const MOST_TOOLS = 200;
const MOST_ERRORS = 50;

/** Attributes that several histograms have, from sets that end. */
class Labels {
  readonly #tools = new CappedNames(MOST_TOOLS);
  readonly #errors = new CappedNames(MOST_ERRORS);

  of(method: string | undefined, server: string | undefined, tool: string | undefined, errorType: string | undefined) {
    return {
      'mcp.method.name': method !== undefined && METHODS.has(method) ? method : 'other',
      ...(server === undefined ? {} : { 'sallyport.server': server }),
      ...(method === 'tools/call' && tool !== undefined ? { 'gen_ai.tool.name': this.#tools.of(tool) } : {}),
      ...(errorType === undefined ? {} : { 'error.type': this.#errors.of(errorType) }),
    };
  }
}

/**
 * Times what agents ask, and counts what was decided on it, by hop. Servers, reasons and policies' effects come from
 * closed sets; the names of tools are capped.
 */
export function observeOperations(metrics: Metrics): (record: CallRecord) => void {
  const durations = metrics.histogram(
    'mcp.server.operation.duration',
    'What agents ask, from its first byte to the last of the answer.',
    { unit: 's', buckets: SECONDS },
  );
  const overheads = metrics.histogram(
    'sallyport.gateway.overhead',
    'What calls take beside the time their server has them.',
    { unit: 's', buckets: OVERHEAD_SECONDS },
  );
  const overhead = overheads.bind();
  const decisions = countDecisions(metrics);
  const labels = new Labels();
  const known = new Remembered<BoundHistogram>();
  return (record) => {
    const { method, server, target, durationMs, upstreamMs, decision } = record;
    const errorType = errorTypeOf(record);
    const tool = method === 'tools/call' ? target : undefined;
    const key = `${method} ${server} ${tool} ${errorType}`;
    const bound = known.get(key) ?? known.set(key, durations.bind(labels.of(method, server, tool, errorType)));
    bound.record(durationMs / 1000);
    if (decision === 'allow' && upstreamMs !== undefined && method === 'tools/call')
      overhead.record(Math.max(0, durationMs - upstreamMs) / 1000);
    decisions(record);
  };
}

/** Hops whose policy had a say in a call, each with what it said. */
function countDecisions(metrics: Metrics): (record: CallRecord) => void {
  const counter = metrics.counter('sallyport.gateway.decisions', 'Decisions of policy, by hop, effect and reason.');
  const reasons = new CappedNames(MOST_ERRORS);
  const known = new Remembered<BoundCounter>();
  const count = (hop: string, effect: string, reason: string): void => {
    const key = `${hop} ${effect} ${reason}`;
    (known.get(key) ?? known.set(key, counter.bind({ hop, effect, reason: reasons.of(reason) }))).add();
  };
  return ({ policies, decision, reason }) => {
    if (policies === undefined) return;
    const isSecond = policies.gatewayToServer !== null;
    const isNo = decision === 'deny' || decision === 'step_up';
    const [effect, why] = isNo ? [decision, reason ?? 'none'] : ['allow', 'none'];
    if (policies.clientToGateway !== null)
      count('client-to-gateway', isSecond ? 'allow' : effect, isSecond ? 'none' : why);
    if (isSecond) count('gateway-to-server', effect, why);
  };
}

/** Times requests to servers, and says how old the lease was that each was made with. */
export function observeRequests(metrics: Metrics, clock: () => number): ObserveServer {
  const durations = metrics.histogram(
    'mcp.client.operation.duration',
    'What servers are asked, until the response is there.',
    { unit: 's', buckets: SECONDS },
  );
  const ages = metrics.histogram(
    'sallyport.gateway.lease.age',
    'How old leases are when a server is asked with them.',
    { unit: 's', buckets: AGE_SECONDS },
  );
  const age = ages.bind();
  const labels = new Labels();
  const known = new Remembered<BoundHistogram>();
  return ({ server, leasedAt, request: { method, name } }) => {
    const startedAt = performance.now();
    age.record(Math.max(0, clock() / 1000 - leasedAt));
    return {
      ended({ errorType }) {
        const tool = method === 'tools/call' ? name : undefined;
        const key = `${method} ${server} ${tool} ${errorType}`;
        const bound = known.get(key) ?? known.set(key, durations.bind(labels.of(method, server, tool, errorType)));
        bound.record((performance.now() - startedAt) / 1000);
      },
    };
  };
}

/** What was bound, by a key that names others make up are part of: when there is too much, all is bound anew. */
class Remembered<T> {
  readonly #known = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#known.get(key);
  }

  set(key: string, value: T): T {
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
    this.#known.set(key, value);
    return value;
  }
}
const MOST_REMEMBERED = 1_000;
