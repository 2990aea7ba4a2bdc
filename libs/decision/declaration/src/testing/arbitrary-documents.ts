import { Document, type DocumentKind, type DocumentOf } from '@sallyport/configuration';
import fc from 'fast-check';
import { KINDS } from '../plan/kind-order.js';
import { problemsOf } from '../problems-of.js';
import { arbitraryOf, type ByField } from './arbitrary-of-schema.js';

/** What a schema takes as text, and has to mean something all the same. */
const MEANINGFUL: ByField = {
  when: fc.constantFrom(
    '"staff" in user.groups',
    'request.time.getHours("Europe/Berlin") < 20 && user.trustProvider != ""',
    'agent.clientId.startsWith("https://") ||\n  user.roles.exists(role, role == "admin")',
  ),
  hours: fc.constantFrom('Mon-Fri 07:00-20:00 Europe/Berlin', 'Sat,Sun 00:00-24:00 UTC'),
  sourceCidrs: fc.subarray(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'], { minLength: 1 }),
  redirectUris: fc.subarray(['https://agent.example/cb', 'http://127.0.0.1/cb', 'com.example.agent:/cb']),
  redirectHosts: fc.subarray(['127.0.0.1', '[::1]', 'localhost', 'agent.example']),
  components: fc
    .subarray(['@path', '@query', 'mcp-session-id', 'content-type'])
    .map((more) => ['@method', 'content-digest', '@target-uri', ...more]),
  claims: fc.record(
    {
      subject: fc.constantFrom('sub', 'oid'),
      email: fc.constantFrom('email', 'upn', false),
      groups: fc.constantFrom('groups', 'realm_access.roles', { cel: 'claims.groups' }, false),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  sink: fc.constantFrom<object>(
    { webhook: { url: 'https://hooks.example/a', signingSecret: { env: 'HOOK' } } },
    { syslog: { host: 'syslog.example', port: 6514, appName: 'sallyport', facility: 13 } },
    { otlp: { url: 'https://otlp.example/v1/logs', credential: { header: 'api-key', secret: { env: 'OTLP' } } } },
    { file: { name: 'audit.ndjson' } },
    { stdout: {} },
  ),
  lifetimes: fc.record(
    {
      accessToken: fc.constantFrom('5m', '15m', '1h'),
      machineToken: fc.constantFrom('1m', '1h'),
      sessionIdle: fc.constantFrom('12h', '14d'),
      session: fc.constantFrom('30d', '90d'),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  parameters: fc.dictionary(fc.constantFrom('tenant', 'prompt', 'access_type'), fc.string({ maxLength: 12 }), {
    noNullPrototype: true,
  }),
};

/** Valid in itself, with the defaults of its schema filled in; what it refers to need not be there. */
export function arbitraryDocument<K extends DocumentKind>(kind: K): fc.Arbitrary<DocumentOf<K>> {
  const schema = Document.options.find(({ shape }) => shape.kind.value === kind);
  if (schema === undefined) throw new Error(`no kind ${kind}`);
  return arbitraryOf(schema, MEANINGFUL)
    .map((value) => Document.safeParse(value).data)
    .filter((document): document is DocumentOf<K> => document !== undefined);
}

/** Documents of every kind, no two of one kind with one name; what they refer to need not be there. */
export const arbitraryDocuments = (perKind = 2): fc.Arbitrary<Document[]> =>
  fc
    .tuple(
      ...(KINDS as readonly DocumentKind[]).map((kind) =>
        fc.uniqueArray(arbitraryDocument(kind), { maxLength: perKind, selector: ({ name }) => name }),
      ),
    )
    .map((groups) => groups.flat() as Document[]);

/** A whole configuration in which nothing is wrong: references are bent to what is there, and the rest is left out. */
export const arbitraryConfiguration = (perKind = 3): fc.Arbitrary<Document[]> =>
  arbitraryDocuments(perKind).map((documents) => withoutProblems(withReferences(documents)));

function withoutProblems(documents: readonly Document[]): Document[] {
  const wrong = new Set(problemsOf(documents).map(({ document }) => document));
  return wrong.size === 0 ? [...documents] : withoutProblems(documents.filter((document) => !wrong.has(document)));
}

/** The fields that name another document, and its kind. */
const REFERENCES: Readonly<Record<string, DocumentKind>> = {
  server: 'McpServer',
  introspects: 'McpServer',
  trustProvider: 'TrustProvider',
  trustProviders: 'TrustProvider',
  credentialProvider: 'CredentialProvider',
  roles: 'Role',
};

function withReferences(documents: readonly Document[]): Document[] {
  const namesOf = (kind: DocumentKind) =>
    documents.filter((document) => document.kind === kind).map(({ name }) => name);
  const servers = namesOf('McpServer');
  const issuers = namesOf('WorkloadIssuer');
  const bend = (field: string, value: unknown): unknown => {
    const kind = REFERENCES[field];
    if (kind === undefined) return undefined;
    const names = namesOf(kind);
    if (names.length === 0) return undefined;
    const oneOf = (text: unknown) => names[String(text).length % names.length];
    return Array.isArray(value) ? [...new Set(value.map(oneOf))] : typeof value === 'string' ? oneOf(value) : undefined;
  };
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    const isWorkload = 'method' in value && value.method === 'workload';
    return Object.fromEntries(
      Object.entries(value).map(([field, part]) => [
        field,
        isWorkload && field === 'issuer' ? (issuers[0] ?? part) : (bend(field, part) ?? walk(part)),
      ]),
    );
  };
  const bent = documents.map(({ kind, name, spec }, index) => {
    const of = kind === 'ApprovedTools' ? (servers[index % Math.max(1, servers.length)] ?? name) : name;
    return Document.safeParse({ kind, name: of, spec: kind === 'TrustProvider' ? asOneProvider(spec) : walk(spec) })
      .data;
  });
  const known = new Map(
    bent.flatMap((document) => (document ? [[`${document.kind}/${document.name}`, document]] : [])),
  );
  return atTheirServers([...known.values()]);
}

/** Without what contradicts itself: two ways to authenticate, or the tenants of a product that has none. */
function asOneProvider(spec: DocumentOf<'TrustProvider'>['spec']): unknown {
  const { preset: _preset, clientKey: _key, tokenEndpointAuthMethod: _method, ...rest } = spec;
  const { allowedTenants: _tenants, identityAssertions: _assertions, ...kept } = rest;
  return kept.scopes === undefined ? kept : { ...kept, scopes: ['openid', ...kept.scopes] };
}

/** Policies take a provider of their server, and whatever is bound to an origin that of its server. */
function atTheirServers(documents: readonly Document[]): Document[] {
  const origins = new Map(
    documents.flatMap((document) =>
      document.kind === 'McpServer' ? [[document.name, new URL(document.spec.url).origin] as const] : [],
    ),
  );
  return documents.map((document) => {
    if (document.kind === 'AccessPolicy' && document.spec.hop === 'gateway-to-server') {
      const { credentialProvider } = document.spec;
      const provider = documents.find(
        ({ kind, name }) => kind === 'CredentialProvider' && name === credentialProvider,
      ) as DocumentOf<'CredentialProvider'> | undefined;
      return { ...document, spec: { ...document.spec, server: provider?.spec.server ?? document.spec.server } };
    }
    if (document.kind !== 'CredentialProvider') return document;
    const origin = origins.get(document.spec.server);
    return origin === undefined ? document : { ...document, spec: boundTo(document.spec, origin) };
  }) as Document[];
}

const boundTo = (spec: DocumentOf<'CredentialProvider'>['spec'], origin: string) =>
  Object.fromEntries(
    Object.entries(spec).map(([field, value]) => {
      if (field === 'origin') return [field, origin];
      return field === 'clientCertificate' || field === 'requestSigning'
        ? [field, { ...(value as object), origin }]
        : [field, value];
    }),
  );
