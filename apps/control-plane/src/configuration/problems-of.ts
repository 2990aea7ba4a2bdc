import { problemOfRedirectEntry, problemsOfTrustProvider, problemsOfWorkload } from '@sallyport/authorization';
import type { AccessPolicySpec, Document, DocumentKind, DocumentOf } from '@sallyport/configuration';
import { durationSeconds, problemsOfPolicy } from '@sallyport/policy';

export interface DocumentProblem {
  readonly document: Document;
  /** Into the whole document: `['spec', 'server']`. */
  readonly path: readonly (string | number)[];
  /** Reads after the field's name. */
  readonly message: string;
}

/** R47: no token issued lives longer, here or downstream. */
const MAX_TOKEN_LIFETIME_SECONDS = 3_600;
const RESERVED_CLIENT_IDS = new Set(['sallyport-control-plane']);
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Shorter than agents can refresh at ease. */
const MIN_TOKEN_LIFETIME_SECONDS = 60;
/** As long as the longest that platforms hand to a pod or a job. */
const MAX_WORKLOAD_TOKEN_SECONDS = 86_400;
/** The end of a session is remembered a little longer than this. */
const MAX_SESSION_SECONDS = 365 * 86_400;

/**
 * What is wrong with a set of documents that are each valid in themselves: names that are taken twice, references to
 * what is not there, a gateway-to-server policy without a credential provider made for its server (R27), conditions
 * that do not compile. The same check stands before every write, whoever writes.
 */
export function problemsOf(documents: readonly Document[]): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const index = new Map<string, Document>();
  for (const document of documents) {
    const key = `${document.kind}/${document.name}`;
    if (index.has(key))
      problems.push({
        document,
        path: ['name'],
        message: `is taken by another ${document.kind}: choose another name or remove one of the two`,
      });
    else index.set(key, document);
  }
  const find = <K extends DocumentKind>(kind: K, name: string) =>
    index.get(`${kind}/${name}`) as DocumentOf<K> | undefined;
  const namesOf = (kind: DocumentKind) =>
    documents.filter((document) => document.kind === kind).map((document) => document.name);

  const takesAssertions = documents.some(
    (document) => document.kind === 'TrustProvider' && document.spec.identityAssertions !== undefined,
  );

  for (const document of documents) {
    const say = (path: (string | number)[], message: string) =>
      problems.push({ document, path: ['spec', ...path], message });
    const refer = (kind: DocumentKind, name: string | undefined, path: (string | number)[]) => {
      if (name === undefined || find(kind, name)) return;
      const known = namesOf(kind);
      say(
        path,
        `names the ${kind} "${name}", which does not exist: ${known.length > 0 ? `use one of ${known.join(', ')}, or add it` : 'add it'}`,
      );
    };
    const referAll = (kind: DocumentKind, names: readonly string[] | undefined, path: (string | number)[]) =>
      names?.forEach((name, position) => refer(kind, name, [...path, position]));

    switch (document.kind) {
      case 'TrustProvider': {
        for (const { path, message } of problemsOfTrustProvider(document.spec)) say([...path], message);
        const { identityAssertions, issuer } = document.spec;
        if (
          identityAssertions &&
          documents.some(
            (other) =>
              other !== document &&
              other.kind === 'TrustProvider' &&
              other.spec.issuer === issuer &&
              other.spec.identityAssertions,
          )
        )
          say(
            ['identityAssertions'],
            'is in two providers of one issuer: an assertion would not say whose human it is about',
          );
        break;
      }
      case 'Role':
        document.spec.members.forEach((members, position) =>
          refer('TrustProvider', members.trustProvider, ['members', position, 'trustProvider']),
        );
        break;
      case 'ClientRegistration':
        document.spec.dynamic.redirectHosts.forEach((entry, position) => {
          const problem = problemOfRedirectEntry(entry);
          if (problem !== undefined) say(['dynamic', 'redirectHosts', position], `lets nothing register: ${problem}`);
        });
        break;
      case 'ApprovedTools':
        if (!find('McpServer', document.name))
          problems.push({
            document,
            path: ['name'],
            message: 'is the name of no McpServer: it says whose tools are approved',
          });
        break;
      case 'CredentialProvider': {
        refer('McpServer', document.spec.server, ['server']);
        if (
          document.spec.type === 'gateway-token' &&
          (durationSeconds(document.spec.lifetime) ?? 0) > MAX_TOKEN_LIFETIME_SECONDS
        )
          say(['lifetime'], 'is more than 1h: shorten it');
        if ('trustProvider' in document.spec) {
          refer('TrustProvider', document.spec.trustProvider, ['trustProvider']);
          const provider = find('TrustProvider', document.spec.trustProvider);
          if (provider && provider.spec.session?.keepTokens !== true)
            say(
              ['trustProvider'],
              `keeps no tokens that could be exchanged: say \`session: { keepTokens: true }\` in the TrustProvider "${provider.name}"`,
            );
        }
        const server = find('McpServer', document.spec.server);
        if (
          'origin' in document.spec &&
          document.spec.origin !== undefined &&
          server &&
          new URL(server.spec.url).origin !== document.spec.origin
        )
          say(
            ['origin'],
            `is not where the server "${server.name}" is: a credential does not follow a server that moves; when this one is meant for ${new URL(server.spec.url).origin}, say so here`,
          );
        for (const field of ['clientCertificate', 'requestSigning'] as const) {
          const origin = document.spec[field]?.origin;
          if (origin !== undefined && server && new URL(server.spec.url).origin !== origin)
            say(
              [field, 'origin'],
              `is not where the server "${server.name}" is: it does not follow a server that moves; when it is meant for ${new URL(server.spec.url).origin}, say so here`,
            );
        }
        break;
      }
      case 'AccessPolicy': {
        const { spec } = document;
        refer('TrustProvider', spec.users?.trustProvider, ['users', 'trustProvider']);
        referAll('Role', spec.users?.roles, ['users', 'roles']);
        if (spec.hop === 'client-to-gateway') referAll('TrustProvider', spec.trustProviders, ['trustProviders']);
        else checkServerPolicy(spec);
        for (const { path, message } of problemsOfPolicy(spec)) say([...path], message);
        break;
      }
      case 'Agent':
        if (RESERVED_CLIENT_IDS.has(document.name))
          problems.push({ document, path: ['name'], message: 'is the name of a client of our own: choose another' });
        if (document.spec.machine && document.spec.redirectUris.length > 0)
          say(['redirectUris'], 'has no place beside `machine`: where no human is, nobody is redirected');
        if (document.spec.machine && document.spec.authentication.method === 'none')
          say(['authentication'], 'is needed for a machine: give it a workload identity, a key or a secret');
        refer('McpServer', document.spec.introspects, ['introspects']);
        if (
          document.spec.introspects !== undefined &&
          (document.spec.machine !== undefined || document.spec.redirectUris.length > 0)
        )
          say(
            ['introspects'],
            'has no place beside `machine` or `redirectUris`: a server asks about tokens, it is given none',
          );
        if (document.spec.introspects !== undefined && document.spec.authentication.method === 'none')
          say(
            ['authentication'],
            'is needed for a server that asks about tokens: give it a workload identity, a key or a secret',
          );
        if (
          !document.spec.machine &&
          document.spec.introspects === undefined &&
          document.spec.redirectUris.length === 0 &&
          !(document.spec.authentication.method !== 'none' && takesAssertions)
        )
          say(['redirectUris'], 'is required: add one, or `machine` for an agent without a human');
        referAll('Role', document.spec.machine?.roles, ['machine', 'roles']);
        checkWorkload(document.spec);
        document.spec.redirectUris.forEach((uri, position) => {
          if (!URL.canParse(uri) || uri.includes('#'))
            say(['redirectUris', position], 'must be an absolute URI without a fragment');
          else if (uri.startsWith('http:') && !LOOPBACK.has(new URL(uri).hostname))
            say(['redirectUris', position], 'is plain http, which is for loopback addresses only: use https');
        });
        break;
      case 'WorkloadIssuer': {
        const { spec } = document;
        const lifetime = durationSeconds(spec.maxLifetime) ?? 0;
        if (spec.jwksUri !== undefined && spec.keys !== undefined)
          say(['keys'], 'has no place beside `jwksUri`: keep one');
        if (spec.type === 'spiffe' && spec.jwksUri === undefined && spec.keys === undefined)
          say(['jwksUri'], 'or `keys` is required: a trust domain has no discovery document');
        if (lifetime < MIN_TOKEN_LIFETIME_SECONDS || lifetime > MAX_WORKLOAD_TOKEN_SECONDS)
          say(['maxLifetime'], 'must be between 1m and 24h');
        break;
      }
      case 'AuthorizationServer': {
        const { accessToken, sessionIdle, session } = document.spec.lifetimes;
        const [token, idle, whole] = [accessToken, sessionIdle, session].map((text) => durationSeconds(text) ?? 0);
        if ((token ?? 0) > MAX_TOKEN_LIFETIME_SECONDS) say(['lifetimes', 'accessToken'], 'is more than 1h: shorten it');
        if ((token ?? 0) < MIN_TOKEN_LIFETIME_SECONDS)
          say(['lifetimes', 'accessToken'], 'is less than 1m: lengthen it');
        for (const field of ['machineToken'] as const) {
          const seconds = durationSeconds(document.spec.lifetimes[field]) ?? 0;
          if (seconds > MAX_TOKEN_LIFETIME_SECONDS || seconds < MIN_TOKEN_LIFETIME_SECONDS)
            say(['lifetimes', field], 'must be between 1m and 1h');
        }
        if ((idle ?? 0) < (token ?? 0))
          say(['lifetimes', 'sessionIdle'], `is less than an access token lives (${accessToken}): lengthen it`);
        if ((whole ?? 0) < (idle ?? 0))
          say(['lifetimes', 'session'], `is less than sessionIdle (${sessionIdle}): lengthen it`);
        if ((whole ?? 0) > MAX_SESSION_SECONDS) say(['lifetimes', 'session'], 'is more than 365d: shorten it');
        break;
      }
      case 'Gateway':
        if (document.spec.toolPrefix === 'never' && namesOf('McpServer').length > 1)
          say(['toolPrefix'], 'can be `never` with a single McpServer only: tools of two servers could have one name');
        break;
      default:
    }

    function checkWorkload({ machine, introspects, authentication }: DocumentOf<'Agent'>['spec']): void {
      if (authentication.method !== 'workload') return;
      if (!machine && introspects === undefined)
        say(['authentication', 'method'], 'can be `workload` for a machine only: add `machine`');
      refer('WorkloadIssuer', authentication.issuer, ['authentication', 'issuer']);
      const issuer = find('WorkloadIssuer', authentication.issuer);
      if (issuer)
        for (const { field, message } of problemsOfWorkload(issuer.spec, authentication))
          say(['authentication', field], message);
    }

    function checkServerPolicy(spec: Extract<AccessPolicySpec, { hop: 'gateway-to-server' }>): void {
      refer('McpServer', spec.server, ['server']);
      const provider = find('CredentialProvider', spec.credentialProvider);
      if (provider && provider.spec.server !== spec.server && find('McpServer', spec.server))
        say(
          ['credentialProvider'],
          `names "${provider.name}", which yields credentials for the server "${provider.spec.server}": use one for "${spec.server}"`,
        );
      refer('CredentialProvider', spec.credentialProvider, ['credentialProvider']);
      for (const list of ['tools', 'resources', 'prompts'] as const)
        spec[list].forEach((rule, position) => referAll('Role', rule.roles, [list, position, 'roles']));
    }
  }
  return problems;
}
