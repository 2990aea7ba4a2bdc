/**
 * The system as those meet it who use it and run it, process by process.
 *
 * - `agents`: who comes: agents of both protocol revisions, the person at their browser, what they recorded
 * - `system`: what they come to: a deployment of ours, and the servers and providers around it
 * - `scenarios`: what must hold, told as tests (`npm test -- e2e`)
 * - `runs`: what takes longer than a test may, each with its `main.ts` (`npm run faults`, `fuzz`, `conformance` …)
 *   and a short form as a test
 */
export {};
