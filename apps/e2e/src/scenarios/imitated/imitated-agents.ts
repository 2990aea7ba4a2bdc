import type { ImitatedAgent } from './imitated-agent.js';
import { AGENTS_A_TO_K } from './imitated-agents-a-to-k.js';
import { AGENTS_L_TO_Z } from './imitated-agents-l-to-z.js';

/** Agents in the order of their names. */
export const IMITATED_AGENTS: readonly ImitatedAgent[] = [...AGENTS_A_TO_K, ...AGENTS_L_TO_Z];
