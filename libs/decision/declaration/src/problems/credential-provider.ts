import type { DocumentOf } from '@sallyport/configuration';
import { missingReference, problemAt, problemIf } from './check.js';
import type { DocumentSet, Problem } from './check.js';
import { MAX_TOKEN_LIFETIME_SECONDS, secondsOf } from './token-lifetime.js';

type Spec = DocumentOf<'CredentialProvider'>['spec'];

export function credentialProviderProblems(
  { spec }: DocumentOf<'CredentialProvider'>,
  set: DocumentSet,
): readonly Problem[] {
  return [
    ...missingReference(set, 'McpServer', spec.server, ['server']),
    ...problemIf(
      spec.type === 'gateway-token' && secondsOf(spec.lifetime) > MAX_TOKEN_LIFETIME_SECONDS,
      ['lifetime'],
      'is more than 1h: shorten it',
    ),
    ...tokensToExchange(spec, set),
    ...credentialOfAnotherOrigin(spec, set),
    ...keyOfAnotherOrigin('clientCertificate', spec, set),
    ...keyOfAnotherOrigin('requestSigning', spec, set),
  ];
}

/** A provider that exchanges the tokens of a sign-in needs an identity provider whose tokens are kept. */
function tokensToExchange(spec: Spec, set: DocumentSet): readonly Problem[] {
  if (!('trustProvider' in spec)) return [];
  const provider = set.find('TrustProvider', spec.trustProvider);
  if (!provider) return missingReference(set, 'TrustProvider', spec.trustProvider, ['trustProvider']);
  return problemIf(
    provider.spec.session?.keepTokens !== true,
    ['trustProvider'],
    'keeps no tokens that could be exchanged: say `session: { keepTokens: true }` in the TrustProvider ' +
      `"${provider.name}"`,
  );
}

function credentialOfAnotherOrigin(spec: Spec, set: DocumentSet): readonly Problem[] {
  const moved = 'origin' in spec ? serverElsewhere(spec.origin, spec, set) : undefined;
  if (!moved) return [];
  return [
    problemAt(
      ['origin'],
      `is not where the server "${moved.name}" is: a credential does not follow a server that moves; when ` +
        `this one is meant for ${moved.origin}, say so here`,
    ),
  ];
}

function keyOfAnotherOrigin(
  field: 'clientCertificate' | 'requestSigning',
  spec: Spec,
  set: DocumentSet,
): readonly Problem[] {
  const moved = serverElsewhere(spec[field]?.origin, spec, set);
  if (!moved) return [];
  return [
    problemAt(
      [field, 'origin'],
      `is not where the server "${moved.name}" is: it does not follow a server that moves; when it is ` +
        `meant for ${moved.origin}, say so here`,
    ),
  ];
}

/** The server of this provider, if it is at another origin than the one that is declared. */
function serverElsewhere(
  declared: string | undefined,
  { server: name }: Spec,
  { find }: DocumentSet,
): { readonly name: string; readonly origin: string } | undefined {
  const server = find('McpServer', name);
  if (declared === undefined || !server) return undefined;
  const { origin } = new URL(server.spec.url);
  return origin === declared ? undefined : { name: server.name, origin };
}
