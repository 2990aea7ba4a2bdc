/**
 * The measured comparison `npm run bench`: what a call costs through the whole gateway, beside a bare proxy doing the
 * same transport, in the same run. Started as `main.js`; nothing else imports this.
 */
export { compare, percentile } from './compare.js';
export type { Comparison, Round } from './compare.js';
