import type { CallRecord } from '@sallyport/messages';
import { CappedNames } from '@sallyport/telemetry';
import type { BoundCounter, BoundHistogram, Histogram, Metrics } from '@sallyport/telemetry';
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

/** What is asked of whom; of a call, which tool. */
interface Asked {
  readonly method: string | undefined;
  readonly server: string | undefined;
  readonly name: string | undefined;
  readonly errorType: string | undefined;
}

/** Durations by method, server, tool and error, from sets that end. */
class OperationTimer {
  readonly #durations: Histogram;
  readonly #known = new Remembered<BoundHistogram>();
  readonly #tools = new CappedNames(MOST_TOOLS);
  readonly #errors = new CappedNames(MOST_ERRORS);

  constructor(durations: Histogram) {
    this.#durations = durations;
  }

  record({ method, server, name, errorType }: Asked, milliseconds: number): void {
    const tool = method === 'tools/call' ? name : undefined;
    const key = `${method} ${server} ${tool} ${errorType}`;
    const bound = this.#known.get(key) ?? this.#known.set(key, this.#bind(method, server, tool, errorType));
    bound.record(milliseconds / 1000);
  }

  #bind(method = '', server?: string, tool?: string, errorType?: string): BoundHistogram {
    return this.#durations.bind({
      'mcp.method.name': METHODS.has(method) ? method : 'other',
      ...(server === undefined ? {} : { 'sallyport.server': server }),
      ...(tool === undefined ? {} : { 'gen_ai.tool.name': this.#tools.of(tool) }),
      ...(errorType === undefined ? {} : { 'error.type': this.#errors.of(errorType) }),
    });
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
  const timer = new OperationTimer(durations);
  const overheads = metrics.histogram(
    'sallyport.gateway.overhead',
    'What calls take beside the time their server has them.',
    { unit: 's', buckets: OVERHEAD_SECONDS },
  );
  const overhead = overheads.bind();
  const decisions = countDecisions(metrics);
  return (record) => {
    const { method, server, target, durationMs, upstreamMs, decision } = record;
    timer.record({ method, server, name: target, errorType: errorTypeOf(record) }, durationMs);
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
  const timer = new OperationTimer(durations);
  const ages = metrics.histogram(
    'sallyport.gateway.lease.age',
    'How old leases are when a server is asked with them.',
    { unit: 's', buckets: AGE_SECONDS },
  );
  const age = ages.bind();
  return ({ server, leasedAt, request: { method, name } }) => {
    const startedAt = performance.now();
    age.record(Math.max(0, clock() / 1000 - leasedAt));
    return {
      ended({ errorType }) {
        timer.record({ method, server, name, errorType }, performance.now() - startedAt);
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
