import type { AllowedHost } from '@sallyport/safe-fetch';
import type { NamedDocument } from './name-server.js';

/** What the caller knows of the deployment that the server is for. */
export interface Surroundings {
  /** The documents there are, so that no name is taken twice. */
  readonly existing?: readonly NamedDocument[];
  /** The entries of the `OutboundNetwork` document, if there is one; absent: it is not known whether there is. */
  readonly outboundNetwork?: readonly AllowedHost[] | undefined;
  /** The public address of the control plane, without a slash at its end. */
  readonly controlPlane?: string | undefined;
  /** The issuer of our own authorization server: a server that names it takes our tokens. */
  readonly issuer?: string | undefined;
  /** The role whose users the first policy is for; without one it is for everybody who passes the first hop. */
  readonly role?: string | undefined;
  /** The name somebody wants for the server. */
  readonly name?: string | undefined;
  /** What was allowed for the probe besides the address, and so is needed for calls as well. */
  readonly alsoAllow?: readonly AllowedHost[];
}

/** A document as it is written, before the schema fills in defaults. */
export interface WrittenDocument {
  readonly kind: 'OutboundNetwork' | 'McpServer' | 'CredentialProvider' | 'AccessPolicy';
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A document with the comments round it, each one a line or longer. */
export interface CommentedDocument {
  readonly document: WrittenDocument;
  readonly before: readonly string[];
  /** Before a field of the spec, by its name. */
  readonly at?: Readonly<Record<string, readonly string[]>>;
  /** After the last field of the spec, as deep as it. */
  readonly after?: readonly string[];
}

export type Mover = 'you' | "the server's operator" | "the authorization server's operator" | 'each user' | 'nobody';

/** Something that the probe could not find out, or that is not done by writing documents. */
export interface Unknown {
  readonly what: string;
  readonly move: Mover;
  readonly todo: string;
}

/** Where the official client and Sallyport see the same server differently. */
export interface Difference {
  readonly about: string;
  readonly sdk: string;
  readonly sallyport: string;
  readonly means: string;
}

/** One thing that was found, and how. */
export interface Fact {
  readonly about: string;
  readonly found: string;
  readonly how: string;
}

export interface ServerDescription {
  /** Empty where there is no server to configure; `unknowns` says why. */
  readonly documents: readonly CommentedDocument[];
  readonly facts: readonly Fact[];
  readonly unknowns: readonly Unknown[];
  readonly differences: readonly Difference[];
}
