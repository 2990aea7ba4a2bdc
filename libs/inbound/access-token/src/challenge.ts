import { DPOP_ALGORITHMS } from './verify-dpop-proof.js';

export interface Challenge<E extends string> {
  /** RFC 9728 section 5.1. */
  readonly resourceMetadataUrl: string;
  /** Every scope the operation needs, not only the missing ones (MCP authorization, step-up). */
  readonly scopes?: readonly string[];
  /** RFC 6750 section 3.1: only when a token was sent. */
  readonly error?: E;
  readonly description?: string;
}

/** The value of `WWW-Authenticate` (RFC 6750 section 3). */
export function bearerChallenge({
  resourceMetadataUrl,
  scopes,
  error,
  description,
}: Challenge<'invalid_token' | 'insufficient_scope'>): string {
  const metadata = `resource_metadata=${quoted(resourceMetadataUrl)}`;
  return `Bearer ${[metadata, ...scopeOf(scopes), ...errorOf(error, description)].join(', ')}`;
}

/** The challenge for a request that proves a key, or should have (RFC 9449 section 7.1). */
export function dpopChallenge({
  resourceMetadataUrl,
  scopes,
  error,
  description,
}: Challenge<'invalid_token' | 'invalid_dpop_proof' | 'insufficient_scope'>): string {
  const algorithms = `algs=${quoted(DPOP_ALGORITHMS.join(' '))}`;
  const metadata = `resource_metadata=${quoted(resourceMetadataUrl)}`;
  return `DPoP ${[...errorOf(error, description), algorithms, metadata, ...scopeOf(scopes)].join(', ')}`;
}

const scopeOf = (scopes: readonly string[] = []) => (scopes.length > 0 ? [`scope=${quoted(scopes.join(' '))}`] : []);
const errorOf = (error: string | undefined, description: string | undefined) =>
  error === undefined
    ? []
    : [`error=${quoted(error)}`, ...(description === undefined ? [] : [`error_description=${quoted(description)}`])];

/** RFC 9110 section 5.6.4; what cannot stand in a header is dropped. */
function quoted(value: string): string {
  return `"${value.replace(/[^\x20-\x7E]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
