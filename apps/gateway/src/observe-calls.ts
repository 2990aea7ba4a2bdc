import type { Clock } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import type { BoundCounter, Metrics } from '@sallyport/telemetry';

const METHODS = new Set([
  'server/discover',
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
  'DELETE',
]);
const BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** Counts calls by method, decision and status class, and times them. Attribute values come from closed sets. */
export function observeCalls(metrics: Metrics): (record: CallRecord) => void {
  const calls = metrics.counter('sallyport.gateway.calls', 'Calls answered, by method, decision and status.');
  const durations = metrics.histogram(
    'sallyport.gateway.call.duration',
    'From the first byte of a request to the last of its answer.',
    { unit: 'ms', buckets: BUCKETS_MS },
  );
  const bound = new Map<string, BoundCounter>();
  return ({ method, decision, httpStatus, durationMs }) => {
    const known = method !== undefined && METHODS.has(method) ? method : 'other';
    const key = `${known} ${decision} ${httpStatus}`;
    let counter = bound.get(key);
    if (counter === undefined) bound.set(key, (counter = calls.bind({ method: known, decision, status: httpStatus })));
    counter.add();
    durations.record(durationMs, { method: known });
  };
}

/** Counts servers whose share of a list was missing. Names come from the configuration, reasons from a closed set. */
export function observeMissing(metrics: Metrics): (server: string, reason: string) => void {
  const missing = metrics.counter(
    'sallyport.gateway.list.missing',
    'Shares of lists that could not be had, by server and reason.',
  );
  return (server, reason) => missing.bind({ server, reason }).add();
}

/** Counts definitions of tools that are not approved, at servers of which tools are. Names come from the configuration. */
export function observeUnapproved(metrics: Metrics): (server: string, count: number) => void {
  const unapproved = metrics.counter(
    'sallyport.gateway.tools.unapproved',
    'Definitions of tools seen that are not the approved ones, by server.',
  );
  return (server, count) => unapproved.bind({ server }).add(count);
}

const OVER_BUDGET_LINE_MS = 60_000;

/** Counts decisions that an expression's budget ended, and says so once a minute and policy. Names come from the configuration. */
export function observeOverBudget(to: {
  metrics: Metrics | undefined;
  clock: Clock;
  say: (policy: string) => void;
}): (policy: string) => void {
  const { metrics, clock, say } = to;
  const meaning = 'Calls denied because an expression was shown more than it may go through, by policy.';
  const denials = metrics?.counter('sallyport.gateway.expressions.over_budget', meaning);
  const saidAt = new Map<string, number>();
  return (policy) => {
    denials?.bind({ policy }).add();
    const now = clock();
    if (now - (saidAt.get(policy) ?? -Infinity) < OVER_BUDGET_LINE_MS) return;
    saidAt.set(policy, now);
    say(policy);
  };
}
