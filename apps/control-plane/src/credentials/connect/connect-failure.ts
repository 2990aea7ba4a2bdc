import type { Failure } from '@sallyport/oauth';

/** For whom it is said: what went wrong, after the server's name, to its user; what mends it, to the administrator. */
interface Words {
  readonly happened: string;
  readonly remedy: string;
  /** It was about the moment. */
  readonly isOver?: boolean;
}

const BY_HAND =
  'Register a client there by hand, with <control plane>/connect/callback as its redirect URI, and write it in ' +
  '`client` of the credential provider.';
const RESOURCE_OFF =
  'The authorization server may not take `resource` (RFC 8707): write `resource: false` in the credential provider.';
const REFUSED: Words = {
  happened: 'refused the request',
  remedy: "The authorization server's own words are in `error`, `description` and `said`.",
};
const notTaken = (remedy: string): Words => ({ happened: 'did not take Sallyport as a client', remedy });

const UNKNOWN_THERE = notTaken(
  'The authorization server does not know the client, or not with this secret; its own words are in `error`, ' +
    '`description` and `said`.',
);
/** Said of what passes, or of what nobody here can mend: the page has words of its own for both. */
const OTHERS: Words = { happened: 'does not offer a sign-in that can be used safely', remedy: '' };

const NOT_CALLED: Words = {
  happened: 'names an address that may not be called from here',
  remedy:
    'The host is on a private or reserved network, or is not https: allow it in OutboundNetwork if you trust it. ' +
    'The event `connection.refresh_failed` and the log have the line to add, in `allow`.',
};

const PROXY: Words = {
  happened: 'cannot be reached from here',
  remedy:
    'The proxy that this deployment calls others through (HTTPS_PROXY, HTTP_PROXY) did not let the request pass; ' +
    'how it answered is in `said`. A host that is to be called directly belongs in NO_PROXY.',
};

const WORDS = {
  no_metadata: {
    happened: 'does not say where its users sign in',
    remedy:
      'None of the addresses in `asked` has metadata. If you know its authorization server, write its issuer in ' +
      '`authorizationServer` of the credential provider; one without metadata needs a provider of type ' +
      '`oauth-user`.',
  },
  no_authorization_server: {
    happened: 'names no sign-in that can be used',
    remedy:
      'Its metadata names no authorization server by an http(s) address. If you know it, write its issuer in ' +
      '`authorizationServer` of the credential provider.',
  },
  malformed_metadata: {
    happened: 'describes its sign-in in a way that cannot be read',
    remedy:
      'The field named in `field`, of the document at `address`, is not what its specification says. Whoever ' +
      'runs that server can mend it.',
  },
  issuer_mismatch: {
    happened: "describes its sign-in as somebody else's",
    remedy:
      'The authorization server calls itself `got` and was announced as `wanted`. If `got` is the one that is ' +
      'meant, write it in `authorizationServer` of the credential provider.',
  },
  resource_mismatch: {
    happened: 'describes itself as another server',
    remedy:
      'Its metadata is about `got`. If that is the server that is meant, write that value in `resource` of its ' +
      'McpServer document.',
  },
  no_s256: {
    happened: 'does not say that its sign-in is protected (PKCE)',
    remedy:
      'Its authorization server does not list S256 in `code_challenge_methods_supported`. If it lists nothing ' +
      'and takes S256 all the same, write `pkce: assumed` in the credential provider.',
  },
  insecure_authorization_endpoint: {
    happened: 'has its sign-in at an address without TLS',
    remedy:
      'Its authorization endpoint is plain http: allow that host with `http: true` in OutboundNetwork if it is ' +
      'on a network of yours.',
  },
  outbound_proxy_failed: PROXY,
  proxy_failed: PROXY,
  outbound_refused: NOT_CALLED,
  address_refused: NOT_CALLED,
  malformed_answer: {
    happened: 'answered with nothing that can be used as a credential',
    remedy:
      'What its token endpoint answered is in `said`. Whoever runs the authorization server can mend it; ' +
      'oddities of some have a setting in `oauth-user`.',
  },
  outbound_redirected: {
    happened: 'redirects where it must not',
    remedy:
      'An address in its metadata redirects (`said`), and redirects are not followed. Whoever runs the ' +
      'authorization server can name the right one.',
  },
  registration_not_offered: notTaken(`The authorization server registers no clients by itself. ${BY_HAND}`),
  registration_refused: notTaken(
    `The authorization server refused to register a client, in the words of \`error\` and \`description\`. ${BY_HAND}`,
  ),
  registration_malformed: notTaken(
    `The authorization server registered a client in an answer that cannot be read (\`field\`). ${BY_HAND}`,
  ),
  client_metadata_document_not_taken: notTaken(
    `The authorization server takes no client metadata documents. Leave \`registration\` out. Or: ${BY_HAND}`,
  ),
  issuer_not_the_configured_one: notTaken(
    "The client in the provider's document is of the issuer in `wanted`; the server names the one in `got`. " +
      'Register a client there and write both in `client`.',
  ),
  secret_missing: notTaken(
    "The secret of the client in the provider's document is not stored: see its `clientSecret`.",
  ),
  invalid_request: REFUSED,
  unsupported_response_type: REFUSED,
  unsupported_grant_type: REFUSED,
  unknown_error: REFUSED,
  server_error: REFUSED,
  invalid_client: UNKNOWN_THERE,
  unauthorized_client: UNKNOWN_THERE,
  response_issuer_mismatch: {
    happened: 'answered in the name of another authorization server',
    remedy:
      'The `iss` of the answer is `got`, and the metadata says `wanted` (RFC 9207). Somebody may have put in an ' +
      'answer of their own; if the authorization server writes it so itself, whoever runs it can mend that.',
  },
  response_issuer_missing: {
    happened: 'did not say in whose name it answered',
    remedy:
      'The metadata announces `iss` in answers (RFC 9207), and this one has none. Whoever runs the authorization ' +
      'server can mend that.',
  },
  response_malformed: {
    happened: 'answered in a way that cannot be read',
    remedy: 'The answer has neither a code nor an error, or one of them twice.',
  },
  configuration_changed: {
    happened: 'was configured anew in the meantime',
    remedy: 'The user connects once more.',
    isOver: true,
  },
  client_unknown: {
    happened: 'knew Sallyport by another name when this began',
    remedy: 'Our client there was replaced in the meantime: the user connects once more.',
    isOver: true,
  },
  invalid_target: { happened: 'refused the address that was asked for', remedy: RESOURCE_OFF },
  invalid_grant: { happened: 'did not take back the code it gave', remedy: `Try again. If it stays: ${RESOURCE_OFF}` },
  invalid_scope: {
    happened: 'refused the permissions that were asked for',
    remedy: 'Say in `scopes` of the credential provider which ones to ask for.',
  },
  metadata_unavailable: OTHERS,
  registration_unavailable: OTHERS,
  registration_contended: OTHERS,
  client_forgotten: OTHERS,
  outbound_encoded: OTHERS,
  outbound_interrupted: OTHERS,
  outbound_timeout: OTHERS,
  outbound_too_large: OTHERS,
  outbound_unreachable: OTHERS,
  unavailable: OTHERS,
  unreachable: OTHERS,
  ambiguous: OTHERS,
  temporarily_unavailable: OTHERS,
  login_required: OTHERS,
  consent_required: OTHERS,
  interaction_required: OTHERS,
} satisfies Readonly<Record<string, Words>>;

/** Every reason for which an account cannot be connected: those that have words. */
export type ConnectFailureReason = keyof typeof WORDS;
export type ConnectFailure = Omit<Failure<ConnectFailureReason>, 'type'>;

const words: Readonly<Record<ConnectFailureReason, Words>> = WORDS;
/** All that an administrator can mend, for the page that explains it. */
export const connectFailureWords = Object.entries(words).filter(([, { remedy }]) => remedy !== '');

/** What its user reads, after the server's name. */
export const whatHappened = ({ reason }: Pick<ConnectFailure, 'reason'>): string => words[reason].happened;

/** Whether its user may as well begin anew. */
export const isOver = ({ reason }: Pick<ConnectFailure, 'reason'>): boolean => words[reason].isOver ?? false;

/**
 * What an administrator reads of it, where there is something to do.
 * @param reason may be one that was stored by another version
 */
export const remedyOf = (reason: string): string | undefined =>
  (Object.hasOwn(words, reason) && words[reason as ConnectFailureReason].remedy) || undefined;
