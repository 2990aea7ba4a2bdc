import { z } from 'zod';
import type { Caller } from '@sallyport/policy';
import { isId } from '@sallyport/kernel';
import type { AgentSessionId, MachineId, UserId } from '@sallyport/kernel';

const strings = z.array(z.string());

/**
 * Claims of our access token (RFC 9068 section 2.2, and ours). Unknown claims are ignored; `cnf` is looked at apart
 * (S7).
 */
export const AccessTokenClaims = z.object({
  iss: z.string(),
  /** One resource only: a token for several audiences would be good elsewhere too (R9). */
  aud: z.string(),
  sub: z.custom<UserId | MachineId>((value) => isId('usr', value) || isId('agt', value)),
  client_id: z.string().min(1).max(2048),
  sid: z.custom<AgentSessionId>((value) => isId('ses', value)),
  scope: z.string().default(''),
  roles: strings.default([]),
  groups: strings.default([]),
  auth_time: z.int(),
  acr: z.string().optional(),
  amr: strings.default([]),
  idp: z.string().min(1),
  idp_sub: z.string().min(1),
  agent_name: z.string(),
  agent_assurance: z.enum(['asserted', 'verified-redirect', 'key-authenticated']),
  iat: z.int(),
  nbf: z.int().optional(),
  exp: z.int(),
  jti: z.string().min(1),
  cnf: z.unknown().optional(),
});
export type AccessTokenClaims = z.infer<typeof AccessTokenClaims>;

export function callerFromClaims(claims: AccessTokenClaims): Caller {
  return {
    userId: claims.sub,
    trustProvider: claims.idp,
    subject: claims.idp_sub,
    clientId: claims.client_id,
    agentName: claims.agent_name,
    agentAssurance: claims.agent_assurance,
    isKeyBound: claims.cnf !== undefined,
    sid: claims.sid,
    scopes: new Set(claims.scope.split(' ').filter((scope) => scope !== '')),
    roles: claims.roles,
    groups: claims.groups,
    authTime: claims.auth_time,
    issuedAt: claims.iat,
    expiresAt: claims.exp,
    acr: claims.acr,
    amr: claims.amr,
  };
}
