import { isSameIdentifier } from '@sallyport/oauth';
import type { Findings } from '../findings.js';
import type { ChosenProvider } from './chosen-provider.js';
import type { Surroundings, Unknown } from './description.js';
import { knownHost } from './known-hosts.js';
import type { KnownHost } from './known-hosts.js';
import { PLACEHOLDER_CLIENT_ID, registrationOf, secretVariable } from './registration-of.js';
import { remedyOf } from './remedy-of.js';
import { shown } from './shown.js';
import { staticByChallenge, staticByRegistry } from './static-provider.js';

/** Chooses how the server is given a credential, by what was found of it. */
export function credentialProviderOf(findings: Findings, server: string, around: Surroundings): ChosenProvider {
  const { signIn, relay, sdk, registry } = findings;
  const known = knownHost(new URL(findings.url).hostname);
  if (trustsUs(findings, around)) return gatewayToken(findings, server);
  if (signIn.authorizationServer !== undefined) return userOAuth(findings, server, around, known);
  const header = registry?.headers.find(({ isSecret }) => isSecret);
  if (header !== undefined) return staticByRegistry(header, findings, server, known);
  if (signIn.failure !== undefined && signIn.failure.reason !== 'no_metadata')
    return undiscovered(findings, server, signIn.failure);
  const isOpen = relay.outcome === 'listed' || sdk.outcome === 'listed';
  const wantsCredential = relay.outcome === 'wants-credential' || findings.challenge !== undefined;
  if (!isOpen && wantsCredential)
    return known?.preset === undefined
      ? staticByChallenge(findings, server, known)
      : byPreset(known, known.preset, server, around);
  return none(server, isOpen);
}

/** Whether the server takes tokens of our own authorization server. */
export const trustsUs = ({ signIn }: Findings, { issuer: ours }: Surroundings): boolean =>
  ours !== undefined &&
  (signIn.resource?.authorizationServers.some((issuer) => isSameIdentifier(issuer, ours)) ?? false);

function gatewayToken({ signIn }: Findings, server: string): ChosenProvider {
  return {
    suffix: 'token',
    spec: { type: 'gateway-token', server, scopes: signIn.resource?.scopes ?? [] },
    before: [
      'The server names our own authorization server: it takes short-lived tokens that Sallyport signs for each user.',
      'No user has to connect anything.',
    ],
    unknowns: [],
  };
}

function none(server: string, isOpen: boolean): ChosenProvider {
  return {
    suffix: 'without-credential',
    spec: { type: 'none', server },
    before: [
      isOpen
        ? 'The server listed its tools to nobody in particular and names no place to sign in: it gets no credential.'
        : 'Nothing said that the server wants a credential: it gets none.',
    ],
    unknowns: [
      {
        what: 'whether a call needs a credential that a list does not',
        move: 'you',
        todo: 'Call a tool once. If the server refuses it, see docs/credential-providers.md for the other kinds.',
      },
    ],
  };
}

function userOAuth(
  findings: Findings,
  server: string,
  around: Surroundings,
  known: KnownHost | undefined,
): ChosenProvider {
  const { signIn, relay } = findings;
  const { resource, authorizationServer } = signIn;
  const way = registrationOf(findings, around, known);
  const scopes = resource?.scopes ?? [];
  return {
    suffix: 'per-user',
    spec: { type: 'mcp-user-oauth', server, ...way.spec },
    before: [
      `Each user connects their own account once, in the browser, at ${shown(authorizationServer?.issuer ?? '')}.`,
      ...(relay.outcome === 'listed'
        ? ['The server lists its tools to anybody; calls are made with the account.']
        : []),
      ...way.before,
    ],
    ...(way.at === undefined ? {} : { at: way.at }),
    after: [
      ...(scopes.length === 0
        ? []
        : [`The server asks for: ${scopes.slice(0, 40).map(shown).join(' ')}`, 'To ask for less: `scopes: […]`.']),
      ...(way.after ?? []),
    ],
    unknowns: [...way.unknowns, ...noteOf(known)],
  };
}

const noteOf = (known: KnownHost | undefined): Unknown[] =>
  known?.note === undefined
    ? []
    : [{ what: `${known.title}: ${known.note}`, move: 'you', todo: 'Make sure of it before users connect.' }];

function byPreset(
  known: KnownHost,
  preset: NonNullable<KnownHost['preset']>,
  server: string,
  around: Surroundings,
): ChosenProvider {
  const redirectUri = `${around.controlPlane ?? '<control plane>'}/connect/callback`;
  const variable = secretVariable(known.name || server);
  return {
    suffix: 'per-user',
    spec: {
      type: 'oauth-user',
      server,
      preset,
      client: {
        authentication: preset === 'notion' ? 'client_secret_basic' : 'client_secret_post',
        clientId: PLACEHOLDER_CLIENT_ID,
        clientSecret: { env: variable },
      },
    },
    before: [
      `The server wants a credential and does not say where users sign in; ${known.title} is known to Sallyport.`,
      'Each user signs in there once.',
    ],
    at: {
      client: [
        `Register a client at ${known.registerAt ?? known.title}`,
        `with the redirect URI ${redirectUri}, and write its id here.`,
      ],
    },
    after: ['`scopes: […]` says what to ask for.'],
    unknowns: [
      {
        what: `which scopes ${known.title} wants for this server, and our client there`,
        move: 'you',
        todo:
          `Register a client at ${known.registerAt ?? known.title} with the redirect URI ${redirectUri}, ` +
          `write \`client.clientId\` and \`scopes\`, and give the control plane ${variable}.`,
      },
      ...noteOf(known),
    ],
  };
}

/** The server was found, and its way of signing in could not be used as it describes it. */
function undiscovered(
  { signIn }: Findings,
  server: string,
  failure: NonNullable<Findings['signIn']['failure']>,
): ChosenProvider {
  const { words, lines, move, todo } = remedyOf(failure, signIn.resource);
  return {
    suffix: 'per-user',
    spec: { type: 'mcp-user-oauth', server },
    before: ['Each user would connect their own account. As the server describes itself, they cannot:', words],
    after: lines,
    unknowns: [{ what: `where users sign in: ${words}`, move, todo }],
  };
}
