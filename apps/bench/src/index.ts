/**
 * The measured comparison `npm run bench`: what a call costs through the product, beside a bare proxy that does the same
 * transport, in the same round. Started as `main.js`; nothing else imports this.
 *
 * - `subjects`: the upstream, and what is measured before it
 * - `load`: who sends, and what
 * - `scenarios`: which requests, to a product configured how
 * - `measure`: what a round of one subject cost
 * - `cold`: starts, and what is asked for the first time
 * - `report`: medians, ratios, charts, what they are held to
 */
export { runBench } from './run-bench.js';
export type { BenchOptions } from './run-bench.js';
