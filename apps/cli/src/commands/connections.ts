import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Style } from '../terminal/paint.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { limitOption } from './options.js';

type Connection = Answered<'listConnections'>['connections'][number];
type Upstream = Answered<'listUpstreamRevocations'>['revocations'][number];
type Health = Answered<'listCredentialProviders'>['credentialProviders'][number];

export function addConnectionCommands(program: Command, run: Run): void {
  const connections = commandGroup(program, 'connections', 'Accounts that are connected at servers');
  connections
    .command('list', { isDefault: true })
    .description('List connections: whose, to which server, and in which state')
    .option('--user <id>', 'Of one user (usr_…)')
    .addOption(limitOption())
    .action(
      act<[], { user?: string; limit: string }>(run, async ({ client, output, world }, { options }) => {
        const { connections: found } = await (
          await client()
        ).listConnections({ query: { userId: options.user, limit: options.limit } });
        output.many('connection', found, connectionColumns(world.now()), 'Nobody has connected an account yet.');
      }),
    );
  connections
    .command('remove')
    .description('Remove a connection, and ask its provider to revoke what it gave')
    .argument('<id>', 'The connection (con_…)')
    .action(
      act<[string], object>(run, async ({ client, output }, { args: [id] }) => {
        const removed = await (await client()).removeConnection({ params: { id } });
        output.one('connection-removed', removed, () => [`Removed ${removed.id}. ${UPSTREAM[removed.upstream] ?? ''}`]);
      }),
    );
  connections
    .command('providers')
    .description('Show how credential providers answer: refreshes, and connecting')
    .action(
      act<[], object>(run, async ({ client, output, world }) => {
        const { credentialProviders } = await (await client()).listCredentialProviders();
        output.many('credential-provider', credentialProviders, providerColumns(world.now()), 'There is none.');
      }),
    );
  connections
    .command('outstanding')
    .description('List removed connections whose provider has yet to confirm')
    .action(
      act<[], object>(run, async ({ client, output, world }) => {
        const { revocations, outstanding } = await (await client()).listUpstreamRevocations();
        output.many('upstream-revocation', revocations, upstreamColumns(world.now()), 'Nothing is outstanding.');
        if (outstanding > revocations.length) output.note(`and ${outstanding - revocations.length} more`);
      }),
    );
  connections
    .command('invite')
    .description('Make a link with which one browser connects, once, the account that everybody shares')
    .argument('<provider>', 'A credential provider of type oauth-shared')
    .action(
      act<[string], object>(run, async ({ client, output, world }, { args: [credentialProvider] }) => {
        const invitation = await (await client()).inviteToSharedConnection({ body: { credentialProvider } });
        output.one('invitation', invitation, () => [
          invitation.url,
          `Open it in a browser; it is good once, ${relativeMoment(invitation.expiresAt, world.now())} it is void.`,
        ]);
      }),
    );
}

const UPSTREAM: Readonly<Record<string, string>> = {
  revoked: 'Its provider has revoked what it gave.',
  pending: 'Its provider is asked to revoke it until it confirms: sallyport connections outstanding',
  impossible: 'Its provider cannot revoke: what it gave ends by itself.',
};

const STATE_STYLE: Readonly<Record<string, Style>> = {
  connected: 'green',
  working: 'green',
  failing: 'yellow',
  needs_reconnect: 'yellow',
  misconfigured: 'red',
  paused: 'red',
};

const connectionColumns = (now: number): readonly Column<Connection>[] => [
  { title: 'ID', text: ({ id }) => id },
  { title: 'SERVER', text: ({ server }) => server },
  { title: 'USER', text: ({ userId }) => userId ?? '(everybody)' },
  { title: 'STATE', text: ({ state }) => state.replace('_', ' '), style: ({ state }) => STATE_STYLE[state] },
  { title: 'ACCOUNT', text: ({ account }) => account ?? '–', least: 8 },
  { title: 'USED', text: ({ lastUsedAt }) => relativeMoment(lastUsedAt, now, 'never') },
  { title: 'EXPIRES', text: ({ accessExpiresAt }) => relativeMoment(accessExpiresAt, now) },
  { title: 'CREATED', text: ({ createdAt }) => relativeMoment(createdAt, now) },
];

const providerColumns = (now: number): readonly Column<Health>[] => [
  { title: 'PROVIDER', text: ({ name }) => name },
  { title: 'SERVER', text: ({ server }) => server },
  { title: 'TYPE', text: ({ type }) => type },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => STATE_STYLE[state] },
  { title: 'WHY', text: (provider) => whyOf(provider, now), least: 8 },
];

/** What went wrong, the provider's own words included; nothing where all is well. */
function whyOf({ issuers, connects }: Health, now: number): string {
  const refreshes = issuers.map(({ issuer, reason, error, description, nextProbeAt }) =>
    [
      `${issuer}: ${description ?? error ?? reason}`,
      nextProbeAt === null ? '' : `asked again ${relativeMoment(nextProbeAt, now)}`,
    ]
      .filter((part) => part !== '')
      .join(', '),
  );
  const connecting =
    connects === null
      ? []
      : [`connecting failed ${connects.failures}×: ${connects.remedy ?? connects.said ?? connects.reason}`];
  return [...refreshes, ...connecting].join('; ') || '–';
}

const upstreamColumns = (now: number): readonly Column<Upstream>[] => [
  { title: 'CONNECTION', text: ({ connectionId }) => connectionId },
  { title: 'SERVER', text: ({ server }) => server },
  { title: 'ISSUER', text: ({ issuer }) => issuer, least: 8 },
  { title: 'TRIES', text: ({ attempts }) => String(attempts), isRight: true },
  { title: 'REMOVED', text: ({ removedAt }) => relativeMoment(removedAt, now) },
  { title: 'NEXT TRY', text: ({ nextAttemptAt }) => relativeMoment(nextAttemptAt, now) },
  { title: 'GIVES UP', text: ({ givesUpAt }) => relativeMoment(givesUpAt, now) },
];
