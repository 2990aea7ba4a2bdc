import type { Findings } from '../findings.js';
import type { ChosenProvider } from './chosen-provider.js';
import type { Surroundings } from './description.js';
import type { KnownHost } from './known-hosts.js';
import { shown } from './shown.js';

/** Stands where only an administrator knows the value. */
export const PLACEHOLDER_CLIENT_ID = 'replace-with-the-client-id';

export type Registration = Pick<ChosenProvider, 'spec' | 'before' | 'at' | 'after' | 'unknowns'>;

/** How our client becomes known there: as the control plane would choose it. */
export function registrationOf(
  { signIn, url }: Findings,
  around: Surroundings,
  known: KnownHost | undefined,
): Registration {
  const server = signIn.authorizationServer;
  if (server === undefined) return { spec: {}, before: [], unknowns: [] };
  const isHttps = around.controlPlane?.startsWith('https://');
  const takesOurs = server.takesMetadataDocuments && server.authentications.includes('private_key_jwt');
  if (takesOurs && isHttps !== false)
    return {
      spec: {},
      before: ['Sallyport makes itself known there by its client metadata document.'],
      unknowns:
        isHttps === true
          ? []
          : [
              {
                what: 'whether the authorization server can read our client metadata document',
                move: 'you',
                todo: 'The control plane needs an https address that the authorization server reaches.',
              },
            ],
    };
  if (server.registersDynamically)
    return {
      spec: {},
      before: ['Sallyport registers itself there (RFC 7591) when the first user connects.'],
      unknowns: [
        {
          what: 'whether the authorization server registers us: it offers to, and some refuse by name or redirect host',
          move: 'nobody',
          todo: 'The first user who connects finds out. If it refuses, register a client by hand and write `client`.',
        },
      ],
    };
  return preRegistered(server, url, { around, known, takesOurs });
}

function preRegistered(
  server: NonNullable<Findings['signIn']['authorizationServer']>,
  url: string,
  { around, known, takesOurs }: { around: Surroundings; known: KnownHost | undefined; takesOurs: boolean },
): Registration {
  const redirectUri = `${around.controlPlane ?? '<control plane>'}/connect/callback`;
  const at = known?.registerAt ?? `the operator of ${shown(server.issuer)}`;
  const isPublic = server.authentications.length > 0 && server.authentications.every((method) => method === 'none');
  const variable = secretVariable(known?.name || new URL(url).hostname);
  const document = server.takesMetadataDocuments
    ? takesOurs
      ? 'It takes client metadata documents, which need a control plane with an https address.'
      : 'It takes client metadata documents, but not clients that authenticate with a key, as ours does.'
    : 'It takes no client metadata documents.';
  const tokens = known?.tokensAt;
  return {
    spec: {
      client: {
        issuer: server.issuer,
        clientId: PLACEHOLDER_CLIENT_ID,
        ...(isPublic ? {} : { clientSecret: { env: variable } }),
      },
    },
    before: [`The authorization server registers no clients by itself. ${document}`],
    at: {
      client: [`Register a client at ${at}`, `with the redirect URI ${redirectUri}, and write its id here.`],
    },
    after:
      tokens === undefined
        ? []
        : [
            'Or let each user enter a token they made by hand, in place of all of the above:',
            `type: static, send: { as: bearer }, label: Personal access token, help: ${tokens}`,
          ],
    unknowns: [
      {
        what: 'our client at the authorization server, which registers none by itself',
        move: 'you',
        todo:
          `Register one at ${at} with the redirect URI ${redirectUri}; write its id in \`client.clientId\`` +
          (isPublic ? '.' : ` and give the control plane its secret in ${variable}.`),
      },
    ],
  };
}

/** The variable a secret is read from, such as `GITHUB_CLIENT_SECRET`. */
export function secretVariable(name: string): string {
  const word = name
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^[_0-9]+|_+$/g, '');
  return `${word === '' ? 'MCP' : word}_CLIENT_SECRET`;
}
