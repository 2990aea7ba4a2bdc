import type { ChangeSet } from '@sallyport/configuration/log';
import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import { allowEntryFor } from '@sallyport/safe-fetch';
import { isCut } from '@sallyport/server';
import type { Catalogue } from '@sallyport/server';
import type { BoundCounter, Metrics } from '@sallyport/telemetry';
import type { LeaseResult } from './outbound/credential-leases.js';
import type { ListKind } from './protocol/lists.js';
import type { Missing } from './protocol/refusal.js';

/** The methods that a metric names; all others are one. */
export const METHODS: ReadonlySet<string> = new Set([
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

/** Counts calls by method, decision and status. Attribute values come from closed sets. */
export function observeCalls(metrics: Metrics): (record: CallRecord) => void {
  const calls = metrics.counter('sallyport.gateway.calls', 'Calls answered, by method, decision and status.');
  const bound = new Map<string, BoundCounter>();
  return ({ method, decision, httpStatus }) => {
    const known = method !== undefined && METHODS.has(method) ? method : 'other';
    const key = `${known} ${decision} ${httpStatus}`;
    let counter = bound.get(key);
    if (counter === undefined) bound.set(key, (counter = calls.bind({ method: known, decision, status: httpStatus })));
    counter.add();
  };
}

/** Times changes and revocations, from when the control plane signed them to when this gateway applied them. */
export function observePropagation(
  metrics: Metrics,
  clock: Clock,
): (change: Pick<ChangeSet, 'issuedAt' | 'revocations'>) => void {
  const buckets = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];
  const propagation = metrics.histogram(
    'sallyport.configuration.propagation',
    'From the signing of a change set to its effect here, by what is in it.',
    { unit: 's', buckets },
  );
  const [documents, revocations] = ['documents', 'revocations'].map((what) => propagation.bind({ what }));
  return (change) => {
    if (change.issuedAt === undefined) return;
    const of = change.revocations.length > 0 ? revocations : documents;
    of?.record(Math.max(0, clock() - change.issuedAt) / 1000);
  };
}

/** Counts what the control plane said to requests for leases, and times them. Results are a closed set. */
export function observeLeases(metrics: Metrics): (result: LeaseResult['type'], durationMs: number) => void {
  const results = metrics.counter('sallyport.gateway.leases', 'Leases that were asked for, by result.');
  const waits = metrics.histogram('sallyport.gateway.lease.duration', 'How long leases are waited for.', {
    unit: 's',
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  });
  const wait = waits.bind();
  return (result, durationMs) => {
    results.bind({ result }).add();
    wait.record(durationMs / 1000);
  };
}

/** Counts calls that took the short-cut: how many were answered on it, and how many went on the long way. */
export function observeWarmCalls(metrics: Metrics): (end: 'answered' | 'followed') => void {
  const counter = metrics.counter(
    'sallyport.gateway.warm_calls',
    'Calls that took the short-cut, by how they went on.',
  );
  const bound = { answered: counter.bind({ end: 'answered' }), followed: counter.bind({ end: 'followed' }) };
  return (end) => bound[end].add();
}

export interface MissingServer {
  readonly server: string;
  readonly reason?: string;
  readonly status?: number;
  readonly location?: string;
  /** What happened, in our words. */
  readonly why?: string;
  /** What mends it, where whoever runs the gateway can. */
  readonly remedy?: string;
}

/**
 * Counts servers whose share of a list was missing, and says so when that changes. Names come from the configuration,
 * reasons from a closed set.
 * @param to.addressOf a server's URL, for what to do about it
 */
export function observeMissing(to: {
  metrics: Metrics | undefined;
  clock: Clock;
  addressOf: (server: string) => string | undefined;
  say: (about: MissingServer, isListed: boolean) => void;
}): (server: string, missing: (Missing & { readonly why?: string }) | undefined) => void {
  const counter = to.metrics?.counter(
    'sallyport.gateway.list.missing',
    'Shares of lists that could not be had, by server and reason.',
  );
  const changes = new Changes(to.clock);
  return (server, missing) => {
    if (missing !== undefined) counter?.bind({ server, reason: missing.reason }).add();
    const { reason, status, location, why } = missing ?? {};
    if (!changes.note(server, missing && JSON.stringify([reason, status, location, why]))) return;
    const remedy = missing && remedyFor(missing, to.addressOf(server));
    to.say(
      {
        server,
        ...(reason === undefined ? {} : { reason }),
        ...(status === undefined ? {} : { status }),
        ...(location === undefined ? {} : { location }),
        ...(why === undefined ? {} : { why }),
        ...(remedy === undefined ? {} : { remedy }),
      },
      missing === undefined,
    );
  };
}

const A_MINUTE_MS = 60_000;
const LINES_A_MINUTE = 4;

/**
 * Which changes of a subject's state are worth a line. What holds for one user may not for another: of a subject that
 * goes to and fro, a few a minute are, and the one it is left in.
 */
class Changes {
  readonly #clock: Clock;
  readonly #said = new BoundedMap<
    string,
    { readonly state: string | undefined; /** Milliseconds since the epoch. */ readonly at: readonly number[] }
  >(1_000);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param state `undefined`: as it should be, which is how all begin */
  note(subject: string, state: string | undefined): boolean {
    const before = this.#said.get(subject);
    if (before?.state === state) return false;
    const now = this.#clock();
    const lately = (before?.at ?? []).filter((at) => now - at < A_MINUTE_MS);
    if (lately.length >= LINES_A_MINUTE) return false;
    this.#said.set(subject, { state, at: [...lately, now] });
    return true;
  }
}

function remedyFor({ reason, location }: Missing, address: string | undefined): string | undefined {
  switch (reason) {
    case 'refused-destination':
      return address === undefined
        ? undefined
        : 'Its address is private or not https. If it is yours, add this line to `allow` in the ' +
            `OutboundNetwork document: - ${allowEntryFor(new URL(address))}`;
    case 'sse-only':
      return (
        'It speaks only the transport of 2024-11-05 (HTTP+SSE), which the gateway does not. Ask whoever runs ' +
        'it for its streamable HTTP address and write that in `url` of its document, or put a bridge in front.'
      );
    case 'redirected':
      return location === undefined
        ? undefined
        : `Redirects are not followed. If ${location} is right, write it in \`url\` of its document.`;
    default:
      return undefined;
  }
}

const MAX_SAID = 20;

/** Says what of a server's lists is left out, and why: once, as long as it stays the same. */
export function observeEntries(
  say: (about: {
    server: string;
    list: ListKind;
    leftOut: Catalogue['dropped'];
    shownWithout: Catalogue['adjusted'];
  }) => void,
): (list: ListKind, listing: Catalogue) => void {
  const said = new BoundedMap<string, true>(1_000);
  return (list, { server, dropped, adjusted }) => {
    const entries = dropped.filter((entry) => !isCut(entry));
    if (entries.length + adjusted.length === 0) return;
    const about = { server, list, leftOut: entries.slice(0, MAX_SAID), shownWithout: adjusted.slice(0, MAX_SAID) };
    const key = JSON.stringify(about);
    if (said.get(key) !== undefined) return;
    said.set(key, true);
    say(about);
  };
}

/** Says when the rest of a list begins to be left out, and when it is read again. */
export function observeCuts(to: {
  clock: Clock;
  say: (about: { server: string; list: ListKind; reason?: string; entries: number }, isWhole: boolean) => void;
}): (list: ListKind, listing: Catalogue) => void {
  const changes = new Changes(to.clock);
  return (list, { server, dropped, entries }) => {
    const reason = dropped.find(isCut)?.reason;
    if (changes.note(JSON.stringify([server, list]), reason))
      to.say(
        { server, list, ...(reason === undefined ? {} : { reason }), entries: entries.size },
        reason === undefined,
      );
  };
}

/**
 * Counts definitions of tools that are not approved, at servers of which tools are. Names come from the configuration.
 */
export function observeUnapproved(metrics: Metrics): (server: string, count: number) => void {
  const unapproved = metrics.counter(
    'sallyport.gateway.tools.unapproved',
    'Definitions of tools seen that are not the approved ones, by server.',
  );
  return (server, count) => unapproved.bind({ server }).add(count);
}

const OVER_BUDGET_LINE_MS = 60_000;

/**
 * Counts decisions that an expression's budget ended, and says so once a minute and policy. Names come from the
 * configuration.
 */
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
