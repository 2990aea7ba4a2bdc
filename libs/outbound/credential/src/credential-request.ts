import type { ConfiguredTarget } from '@sallyport/connection';

/** Who needs a credential, for which server, and what the server said to the last one. */
export interface CredentialRequest {
  /** As the agent's verified token names them. */
  readonly caller: {
    readonly userId: string;
    readonly clientId: string;
    readonly sid: string;
    /** Of the agent's token, seconds since the epoch. */
    readonly expiresAt: number;
  };
  readonly target: ConfiguredTarget;
  /** The server answered 401 to the credential of this revision. */
  readonly rejectedConnectionRevision?: number | undefined;
  /** The server answered 403 to the credential of this revision, and asks for these scopes. */
  readonly stepUp?: { readonly connectionRevision: number; readonly scopes: readonly string[] } | undefined;
}
