import type { AgentSessionId, UserId } from '@sallyport/kernel';

export type AgentAssurance = 'asserted' | 'verified-redirect' | 'key-authenticated';

/** Who is calling: one human through one agent, as the access token says it. Never built from anything else. */
export interface Caller {
  readonly userId: UserId;
  readonly trustProvider: string;
  /** The subject at the trust provider; for policies that name single users. */
  readonly subject: string;
  readonly clientId: string;
  readonly agentName: string;
  readonly agentAssurance: AgentAssurance;
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
