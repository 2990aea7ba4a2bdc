/** What goes over the wire. Names and values of headers are sent as they are, repeated ones too. */
export interface FuzzRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
}

/** A request before it is encoded: what the mutations work on. */
export interface Draft {
  method: string;
  path: string;
  encoding: 'query' | 'form' | 'json';
  parameters: [name: string, value: unknown][];
  headers: [name: string, value: string][];
}

/** Already encoded, possibly badly: put into a query or a form as it is. */
export class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A registered client, a sign-in and what came of it: what valid requests are made of. */
export interface SignedInFacts {
  readonly issuer: string;
  readonly resource: string;
  /** Paths the metadata names whose errors are JSON (RFC 6749 section 5.2): all but the authorization endpoint. */
  readonly endpoints: ReadonlySet<string>;
  readonly redirectUri: string;
  /** Registered by nobody: where an open redirect would lead. */
  readonly foreignRedirectUri: string;
  readonly publicClientId: string;
  readonly confidentialClient: { readonly id: string; readonly secret: string };
  /** Not redeemed yet. */
  readonly code: string;
  readonly codeVerifier: string;
  readonly codeChallenge: string;
  readonly refreshToken: string;
  /** An authorization request that waits for a person, in a browser of its own. */
  readonly waiting: { readonly path: string; readonly cookie: string; readonly formToken: string };
  /** Where a person may be sent to sign in. */
  readonly identityProvider: string;
  readonly accessToken: string;
  /** Of one key: good ones for several endpoints, some used by now, and ones whose claims are odd (RFC 9449). */
  readonly dpopProofs: readonly [string, ...string[]];
  readonly dpopThumbprint: string;
}

/** And who came without a browser. */
export interface FuzzFacts extends SignedInFacts {
  /** Not shown yet (ID-JAG), and whose it is. */
  readonly identityAssertion: string;
  readonly assistant: { readonly id: string; readonly secret: string };
  /** Good until it expires. */
  readonly workload: { readonly id: string; readonly token: string };
}
