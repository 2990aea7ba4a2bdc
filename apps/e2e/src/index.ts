/**
 * The system as those meet it who use it and run it, process by process.
 *
 * - `agents`: who comes: agents of both protocol revisions, the person at their browser, what they recorded
 * - `system`: what they come to: a deployment of ours, and the servers and providers around it
 * - `scenarios`: what must hold, told as tests (`npm test -- e2e`)
 * - `runs`: what takes longer than a test may, each with its `main.ts` (`npm run faults`, `fuzz`, `conformance` …)
 *   and a short form as a test
 *
 * What is exported starts a deployment for those who measure one: `apps/bench`.
 */
export { signIn } from './agents/sign-in.js';
export { adminClient } from './system/administrator.js';
export { signedTokens } from './system/signed-tokens.js';
export { SERVERS_SCOPE } from './system/servers-configuration.js';
export { startDistributed } from './system/start-distributed.js';
export type { DistributedSystem } from './system/start-distributed.js';
export { buildImage } from './system/build-image.js';
export { READY, standaloneOnFreePorts } from './system/spawn-standalone.js';
export { startStandalone } from './system/start-standalone.js';
export type { System } from './system/system.js';
