import type { AdminClient } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Run } from '../context.js';

/** What one look at the whole system finds. */
interface Status {
  readonly url: string;
  readonly epoch: string;
  readonly revision: number;
  /** How many documents of each kind. */
  readonly documents: Readonly<Record<string, number>>;
  /** By state. */
  readonly credentialProviders: Readonly<Record<string, number>>;
  readonly connections: Readonly<Record<string, number>>;
  readonly liveSessions: number;
  readonly outstandingRevocations: number;
}

export function addStatusCommand(program: Command, run: Run): void {
  program
    .command('status')
    .description('Show what is in force, and whether anything needs somebody')
    .action(
      act<[], object>(run, async ({ client, target, output }) => {
        const { url, origin } = await target();
        const status = await readStatus(await client(), url);
        output.one('status', status, () => [
          `${output.paint('bold', url)}  ${output.paint('dim', `(${origin})`)}`,
          '',
          ...output.table(linesOf(status), [
            { title: 'WHAT', text: ({ what }) => what },
            { title: 'STATE', text: ({ state }) => state, style: ({ isBad }) => (isBad ? 'yellow' : undefined) },
          ]),
        ]);
      }),
    );
}

/** A page of connections and sessions is counted: beyond it the number is followed by `+`. */
const COUNTED = 1_000;

async function readStatus(api: AdminClient, url: string): Promise<Status> {
  const limit = String(COUNTED);
  const [configuration, providers, connections, sessions, upstream] = await Promise.all([
    api.readConfiguration(),
    api.listCredentialProviders(),
    api.listConnections({ query: { limit } }),
    api.listAgentSessions({ query: { live: 'true', limit } }),
    api.listUpstreamRevocations(),
  ]);
  return {
    url,
    epoch: configuration.epoch,
    revision: configuration.revision,
    documents: countBy(configuration.documents, ({ kind }) => kind),
    credentialProviders: countBy(providers.credentialProviders, ({ state }) => state),
    connections: countBy(connections.connections, ({ state }) => state),
    liveSessions: sessions.sessions.length,
    outstandingRevocations: upstream.outstanding,
  };
}

function linesOf(status: Status): { what: string; state: string; isBad: boolean }[] {
  const { failing = 0, paused = 0 } = status.credentialProviders;
  const { needs_reconnect: toReconnect = 0, misconfigured = 0 } = status.connections;
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, count]) => `${counted(count)} ${name.replace('_', ' ')}`)
      .join(', ') || 'none';
  return [
    { what: 'configuration', state: `revision ${status.revision}`, isBad: false },
    { what: 'documents', state: counts(status.documents), isBad: status.documents['AccessPolicy'] === undefined },
    { what: 'credential providers', state: counts(status.credentialProviders), isBad: failing + paused > 0 },
    { what: 'connections', state: counts(status.connections), isBad: toReconnect + misconfigured > 0 },
    { what: 'agents’ sessions', state: `${counted(status.liveSessions)} live`, isBad: false },
    {
      what: 'revocations at providers',
      state: status.outstandingRevocations === 0 ? 'all confirmed' : `${status.outstandingRevocations} outstanding`,
      isBad: status.outstandingRevocations > 0,
    },
  ];
}

const counted = (count: number): string => (count >= COUNTED ? `${count}+` : String(count));

function countBy<T>(values: readonly T[], keyOf: (value: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[keyOf(value)] = (counts[keyOf(value)] ?? 0) + 1;
  return counts;
}
