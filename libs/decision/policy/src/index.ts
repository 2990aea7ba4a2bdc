export type { AgentAssurance, Caller } from './caller.js';
