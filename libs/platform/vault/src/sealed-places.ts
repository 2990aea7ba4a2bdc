/** Every column that holds sealed values, and the primary key of its table. Each column has an index on the key id. */
export const sealedPlaces = {
  AuditKey: { column: 'sealedPrivate', primaryKey: ['id'] },
  BrowserSession: { column: 'sealed', primaryKey: ['idDigest'] },
  ConnectFlow: { column: 'sealed', primaryKey: ['stateDigest'] },
  ConnectTicket: { column: 'sealed', primaryKey: ['handleDigest'] },
  Connection: { column: 'sealedCredential', primaryKey: ['id'] },
  DownstreamRegistration: { column: 'sealed', primaryKey: ['issuer'] },
  IdentitySession: { column: 'sealedTokens', primaryKey: ['id'] },
  OidcArtifact: { column: 'payload', primaryKey: ['kind', 'idDigest'] },
  SigningKey: { column: 'sealedPrivate', primaryKey: ['kid'] },
  StoredSecret: { column: 'sealed', primaryKey: ['name'] },
  UpstreamRevocation: { column: 'sealedCredential', primaryKey: ['id'] },
} as const satisfies Readonly<Record<string, { readonly column: string; readonly primaryKey: readonly string[] }>>;

export type SealedTable = keyof typeof sealedPlaces;
