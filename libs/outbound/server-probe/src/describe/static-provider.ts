import { Document } from '@sallyport/configuration';
import { cleanText } from '@sallyport/kernel';
import type { Findings, RegistryHeader } from '../findings.js';
import type { ChosenProvider } from './chosen-provider.js';
import type { Unknown } from './description.js';
import type { KnownHost } from './known-hosts.js';
import { shown } from './shown.js';

/** A secret that each user enters, sent in the header that a registry says. */
export function staticByRegistry(
  header: RegistryHeader,
  { registry, signIn }: Findings,
  server: string,
  known: KnownHost | undefined,
): ChosenProvider {
  const send = presentationOf(header);
  const others = registry?.headers.filter((other) => other !== header && other.isRequired) ?? [];
  const isUsable = send !== undefined && isValid({ type: 'static', server, send });
  return {
    suffix: 'per-user',
    spec: {
      type: 'static',
      server,
      send: isUsable ? send : { as: 'bearer' },
      ...labelled(
        cleanText(header.description ?? '', 80)
          .slice(0, 80)
          .trim(),
        known?.tokensAt,
      ),
    },
    before: [
      `The registry says that the server takes a secret in the header ${shown(header.name)}: each user enters theirs.`,
    ],
    unknowns: [
      ...(signIn.failure === undefined ? [] : [cannotSignIn()]),
      ...(isUsable ? [] : [unusableHeader(header)]),
      ...others.map(({ name }): Unknown => ({
        what: `the header ${shown(name)}, which the registry says the server wants as well`,
        move: "the server's operator",
        todo: 'Sallyport sends one secret for each user. Ask whether the server can do without this header.',
      })),
    ],
  };
}

const cannotSignIn = (): Unknown => ({
  what: 'whether users could also sign in there: the server has no metadata that says so',
  move: 'nobody',
  todo: 'Nothing, where the secret is what you want.',
});

const unusableHeader = ({ name }: RegistryHeader): Unknown => ({
  what: `how to send the secret: the header ${shown(name)} cannot carry a credential`,
  move: "the server's operator",
  todo: 'The document sends it as a bearer token. Ask whether the server takes that.',
});

/** `Authorization: Bearer {token}` and the like, as `send` has it. */
function presentationOf({ name, form = '' }: RegistryHeader): Readonly<Record<string, unknown>> | undefined {
  const prefix = /^\s*([A-Za-z][A-Za-z0-9._-]*)\s+\S/.exec(form)?.[1];
  if (name.toLowerCase() !== 'authorization')
    return { as: 'header', name, ...(prefix === undefined ? {} : { prefix }) };
  return bySchemes(prefix === undefined ? [] : [prefix]);
}

const UNSENDABLE = new Set(['digest', 'negotiate', 'ntlm', 'mutual', 'hoba', 'scram-sha-256', 'dpop']);

function bySchemes(schemes: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const scheme = schemes.find((word) => word.toLowerCase() === 'bearer') ?? schemes[0] ?? 'Bearer';
  if (scheme.toLowerCase() === 'bearer') return { as: 'bearer' };
  if (scheme.toLowerCase() === 'basic') return { as: 'basic' };
  return UNSENDABLE.has(scheme.toLowerCase()) ? undefined : { as: 'authorization', scheme };
}

/** A secret that each user enters, sent as the server's challenge says. */
export function staticByChallenge(findings: Findings, server: string, known: KnownHost | undefined): ChosenProvider {
  const schemes = findings.challenge?.schemes ?? [];
  const send = bySchemes(schemes);
  const isUsable = send !== undefined && isValid({ type: 'static', server, send });
  const words =
    schemes.length === 0 ? 'does not say of which kind' : `says ${schemes.map(shown).join(', ')} in WWW-Authenticate`;
  return {
    suffix: 'per-user',
    spec: { type: 'static', server, send: isUsable ? send : { as: 'bearer' }, ...labelled('', known?.tokensAt) },
    before: [
      `The server wants a credential, ${words}, and has no metadata of a place to sign in.`,
      'So each user enters a token or key they made by hand.',
    ],
    after: ['For a header of its own: `send: { as: header, name: X-Api-Key }`. One for everybody: `owner: shared`.'],
    unknowns: [
      {
        what: 'which kind of credential the server takes, and where users make one',
        move: isUsable ? 'you' : "the server's operator",
        todo: isUsable
          ? "Look it up in the server's documentation; set `send`, `label` and `help`."
          : `Sallyport cannot send ${schemes.map(shown).join(', ')}: ask for a bearer token.`,
      },
    ],
  };
}

const labelled = (label: string, help: string | undefined) => ({
  ...(label === '' ? {} : { label }),
  ...(help === undefined ? {} : { help }),
});

const isValid = (spec: object): boolean => Document.safeParse({ kind: 'CredentialProvider', name: 'it', spec }).success;
