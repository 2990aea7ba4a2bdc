import { isId, type AgentSessionId, type MachineId, type UserId } from '@sallyport/kernel';

export type AgentAssurance = 'asserted' | 'verified-redirect' | 'key-authenticated';

/**
 * Who is calling: one human through one agent, or an agent on its own, as the access token says it. Never built from
 * anything else.
 */
export interface Caller {
  /** The token's subject. */
  readonly userId: UserId | MachineId;
  /** `MACHINES` for an agent on its own, which no identity provider vouches for. */
  readonly trustProvider: string;
  /** The subject at the trust provider; for policies that name single users. */
  readonly subject: string;
  readonly clientId: string;
  readonly agentName: string;
  readonly agentAssurance: AgentAssurance;
  /** Its tokens are good only with proof of a key of the agent's (RFC 9449). */
  readonly isKeyBound: boolean;
  readonly sid: AgentSessionId;
  readonly scopes: ReadonlySet<string>;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly acr: string | undefined;
  readonly amr: readonly string[];
}

/** Stands where a trust provider's name would; no document can be called that. */
export const MACHINES = 'builtin:machines';

/** True when no human is present (R5). The subject says so: one kind of id is never the other (security rule S1). */
export const isMachine = (caller: Pick<Caller, 'userId'>): boolean => isId('agt', caller.userId);
