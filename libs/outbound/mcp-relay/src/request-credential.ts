/**
 * How a request proves whose it is. Nothing of it reaches a log, an agent, or a server other than the one it was leased
 * for.
 */
export interface RequestCredential {
  /** Sent as they are. Cannot override a header of the protocol's. */
  readonly headers: Readonly<Record<string, string>>;
  /** Adds what can only be computed over the very request that is sent. */
  readonly sign?: RequestSigner | undefined;
  /** Shown in the TLS handshake. Connections made with it serve nobody who holds another one, or none. */
  readonly clientCertificate?: ClientCertificate | undefined;
}

export interface ClientCertificate {
  /** Stands for certificate and key together: what connections are kept apart by. */
  readonly fingerprint: string;
  /** PEM, the certificate first, then those that vouch for it. */
  readonly certificate: string;
  /** PEM. */
  readonly privateKey: string;
}

/** A request as it goes out, but for what the signature adds. */
export interface SignableRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names, without `host`, which is the URL's. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where there is none. */
  readonly body: string;
}

/** @returns headers to add, lower-case; they win over every other. */
export type RequestSigner = (request: SignableRequest) => Record<string, string> | Promise<Record<string, string>>;
