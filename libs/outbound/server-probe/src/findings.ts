import { z } from 'zod';

/** By what a finding was made, in words for the report, such as `tools/list by Sallyport's relay`. */
const How = z.string().min(1).max(400);
/** What somebody else wrote, as one line. */
const Said = z.string().max(400);

/** A tool as the server describes it; a hint that is absent was not given. */
const FoundTool = z.strictObject({
  name: z.string().min(1).max(256),
  readOnlyHint: z.boolean().optional(),
  destructiveHint: z.boolean().optional(),
});
export type FoundTool = z.infer<typeof FoundTool>;

/** What came of asking the server for its tools without a credential. */
const Conversation = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('listed'),
    how: How,
    era: z.enum(['modern', 'legacy']),
    /** The revision that was spoken, such as `2025-11-25`; absent where neither side named one. */
    version: z.string().max(32).optional(),
    title: Said.optional(),
    tools: z.array(FoundTool).max(1_000),
    /** Whether there are more tools than were read. */
    isCut: z.boolean(),
  }),
  z.strictObject({ outcome: z.literal('wants-credential'), how: How, status: z.int() }),
  z.strictObject({ outcome: z.literal('failed'), how: How, reason: z.string().max(64), said: Said.optional() }),
  z.strictObject({ outcome: z.literal('not-asked'), how: How }),
]);
export type Conversation = z.infer<typeof Conversation>;

const UnreachableReason = z.enum(['dns', 'connection', 'tls', 'timeout', 'refused-address', 'proxy', 'interrupted']);
export type UnreachableReason = z.infer<typeof UnreachableReason>;

/** What stands at the address. */
const Endpoint = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('mcp'),
    how: How,
    /** Where the typed address was not the right one: how the right one was found. */
    movedBy: z.enum(['redirect', 'trailing-slash', 'path', 'resource-metadata']).optional(),
  }),
  /** Only HTTP+SSE, the transport of 2024-11-05. */
  z.strictObject({ type: z.literal('http-and-sse'), how: How }),
  z.strictObject({ type: z.literal('web-page'), how: How, status: z.int() }),
  z.strictObject({ type: z.literal('redirect'), how: How, location: Said, why: Said }),
  z.strictObject({ type: z.literal('not-mcp'), how: How, status: z.int(), contentType: Said }),
  z.strictObject({
    type: z.literal('unreachable'),
    how: How,
    reason: UnreachableReason,
    /** Node's or OpenSSL's, such as `CERT_HAS_EXPIRED`; empty where there is none. */
    code: z.string().max(64),
    said: Said,
  }),
]);
export type Endpoint = z.infer<typeof Endpoint>;

/** RFC 9728: what the server says of itself. */
const ResourceMetadata = z.strictObject({
  resource: z.string().max(2_048),
  authorizationServers: z.array(z.string().max(2_048)).max(32),
  scopes: z.array(z.string().max(256)).max(256),
});

/** RFC 8414: what its authorization server says of itself. */
const AuthorizationServer = z.strictObject({
  issuer: z.string().max(2_048),
  /** RFC 7591. */
  registersDynamically: z.boolean(),
  takesMetadataDocuments: z.boolean(),
  /** `token_endpoint_auth_methods_supported`; empty where it does not say. */
  authentications: z.array(z.string().max(64)).max(32),
});
export type AuthorizationServer = z.infer<typeof AuthorizationServer>;

/** Where users of the server sign in, by our own discovery: the one the control plane runs when somebody connects. */
const SignIn = z.strictObject({
  how: How,
  /** Absent: the server has none, or it could not be used; then `failure` says why. */
  resource: ResourceMetadata.optional(),
  authorizationServer: AuthorizationServer.optional(),
  failure: z
    .strictObject({
      /** As in `docs/credential-providers.md`, "When an account cannot be connected". */
      reason: z.string().max(64),
      detail: z.record(z.string(), z.union([z.string(), z.number()])),
    })
    .optional(),
});
export type SignIn = z.infer<typeof SignIn>;

/** The same by the official SDK's discovery. */
const SignInBySdk = z.strictObject({
  how: How,
  resource: z.string().max(2_048).optional(),
  /** What it would sign in at. */
  issuer: z.string().max(2_048).optional(),
  registersDynamically: z.boolean().optional(),
  said: Said.optional(),
});

/** A header that a registry entry says the server wants. */
const RegistryHeader = z.strictObject({
  name: z.string().min(1).max(128),
  /** As in `Bearer {token}`. */
  form: z.string().max(256).optional(),
  description: Said.optional(),
  isRequired: z.boolean(),
  isSecret: z.boolean(),
});
export type RegistryHeader = z.infer<typeof RegistryHeader>;

const RegistryEntry = z.strictObject({
  how: How,
  name: z.string().min(1).max(256),
  title: Said.optional(),
  headers: z.array(RegistryHeader).max(32),
});
export type RegistryEntry = z.infer<typeof RegistryEntry>;

/** All that a probe found out about a server, and by what. It holds no credential: none was sent. */
export const Findings = z.strictObject({
  /** As somebody typed it, or as a registry has it. */
  typed: z.string().max(2_048),
  /** The address that the rest is about. */
  url: z.string().max(2_048),
  network: z.strictObject({
    type: z.enum(['public', 'private', 'unknown']),
    how: How,
    addresses: z.array(z.string().max(64)).max(16),
  }),
  endpoint: Endpoint,
  /** Schemes of the 401's `WWW-Authenticate`, as the server writes them. */
  challenge: z.strictObject({ how: How, schemes: z.array(z.string().max(64)).max(8) }).optional(),
  relay: Conversation,
  sdk: Conversation,
  signIn: SignIn,
  signInBySdk: SignInBySdk,
  registry: RegistryEntry.optional(),
  tookMs: z.int(),
});
export type Findings = z.infer<typeof Findings>;
