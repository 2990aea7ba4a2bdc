import { runCases } from '../fuzz/run-cases.js';
import type { FuzzReport, FuzzRun } from '../fuzz/run-cases.js';
import { judgeMcpAnswer } from './judge-mcp-answer.js';
import { makeMcpCase } from './make-mcp-case.js';
import type { McpCase, McpFacts } from './mcp-case.js';
import { sendMcpCase } from './send-mcp-case.js';
import type { McpAnswer } from './send-mcp-case.js';

/** Mutated, split and truncated messages to `/mcp`. */
export const fuzzMcp = (gateway: URL, run: FuzzRun<McpFacts>): Promise<FuzzReport<McpCase, McpAnswer>> =>
  runCases<McpFacts, McpCase, McpAnswer>(run, {
    casesPerSignIn: 5_000,
    atOnce: 24,
    makeCase: makeMcpCase,
    open: () => ({ send: (sent) => sendMcpCase(gateway, sent), close: () => Promise.resolve() }),
    statusOf: (answer) => (answer.type === 'answered' ? String(answer.status) : 'closed'),
    judge: judgeMcpAnswer,
  });
