/**
 * How a published agent finds us, introduces itself, signs in and refreshes, as somebody saw it. `{port}` stands for a
 * free port.
 */
export interface ImitatedAgent {
  readonly name: string;
  /** The day on which somebody looked, and where. */
  readonly asOf: `${number}-${number}-${number}`;
  readonly source: string;
  /** What no source says, and is taken to be as in most agents. */
  readonly assumed?: string;
  /** Of its first request to `/mcp`; a POST holds `initialize`. */
  readonly first?: { readonly method: 'GET' | 'HEAD' | 'POST'; readonly headers?: Readonly<Record<string, string>> };
  /** Where it looks for protected-resource metadata (RFC 9728), in this order; nowhere, if it knows none. */
  readonly resourceMetadata: readonly ('challenge' | 'path' | 'root')[];
  /** How the metadata's `resource` must be like the address its user entered. */
  readonly compares: 'exactly' | 'as URLs' | 'as a prefix' | 'not at all';
  /** Where it looks for the authorization server's metadata, in this order. */
  readonly serverMetadata: readonly ('oauth' | 'openid')[];
  /** Whether the metadata's `issuer` must be the one it was looked for at. */
  readonly checksIssuer: boolean;
  readonly introduction:
    /** `anew`: one for each connection. */
    | { readonly by: 'registration'; readonly body: Readonly<Record<string, unknown>>; readonly anew?: true }
    /** Read at an https address of ours in its stead; only tried where the metadata offers documents, and `none`. */
    | { readonly by: 'document'; readonly document: Readonly<Record<string, unknown>>; readonly signs?: true };
  /** Which of its redirect URIs the authorization request names. */
  readonly redirectUri: string;
  readonly authenticates: 'none' | 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt';
  /** The `scope` of its authorization request: its own, or those the metadata offers, which lists `openid` first. */
  readonly scope: { readonly own: string } | { readonly of: 'nobody' | 'the authorization server' };
  /** Whether its requests name the resource (RFC 8707). */
  readonly resource: { readonly atAuthorize: boolean; readonly atToken: boolean };
  readonly revision: string;
  readonly refresh: {
    /** It repeats the scope of its authorization request. */
    readonly withScope?: true;
    readonly withResource?: true;
    readonly more?: Readonly<Record<string, string>>;
    /** So many processes at once, with one refresh token. */
    readonly atOnce?: number;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** What it does once it is no longer known: register anew at a 401, look at the page itself, or open it. */
  readonly forgotten: 'registers again' | 'reads JSON at the page' | 'reads the status of the page' | 'opens the page';
  /** With which id it goes on after its registration failed (rmcp). */
  readonly madeUpId?: string;
  /** When it needs more scopes, it asks for those alone, or for what it had as well. */
  readonly moreScopes?: 'alone' | 'as well';
  /** It refuses `null` in the answer to its registration. */
  readonly refusesNull?: true;
  /** Works, or which words the person reads. */
  readonly outcome: 'works' | { readonly reads: RegExp };
}
