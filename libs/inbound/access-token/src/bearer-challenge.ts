export interface BearerChallenge {
  /** RFC 9728 section 5.1. */
  readonly resourceMetadataUrl: string;
  /** Every scope the operation needs, not only the missing ones (MCP authorization, step-up). */
  readonly scopes?: readonly string[];
  /** RFC 6750 section 3.1: only when a token was sent. */
  readonly error?: 'invalid_token' | 'insufficient_scope';
  readonly description?: string;
}

/** The value of `WWW-Authenticate` (RFC 6750 section 3). */
export function bearerChallenge({ resourceMetadataUrl, scopes, error, description }: BearerChallenge): string {
  const parameters = [`resource_metadata=${quoted(resourceMetadataUrl)}`];
  if (scopes !== undefined && scopes.length > 0) parameters.push(`scope=${quoted(scopes.join(' '))}`);
  if (error !== undefined) parameters.push(`error=${quoted(error)}`);
  if (error !== undefined && description !== undefined) parameters.push(`error_description=${quoted(description)}`);
  return `Bearer ${parameters.join(', ')}`;
}

/** RFC 9110 section 5.6.4; what cannot stand in a header is dropped. */
function quoted(value: string): string {
  return `"${value.replace(/[^\x20-\x7E]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
