/**
 * Prints the measured inputs of docs/scaling.md and what the model makes of them and of the assumptions on the page:
 * `node --expose-gc apps/bench/dist/scaling/main.js gateway-cpu=… store-cpu=… postgres-cpu=… nats-cpu=…`. The first is from
 * `npm run bench`, the others are from `node apps/bench/dist/events/main.js`.
 */
import { readFileSync } from 'node:fs';
import { measureInputs } from './measure-inputs.js';
import { ASSUMED, MEASURED } from './model.js';
import { readInputs, renderInputs, renderResults } from './page.js';

const given = Object.fromEntries(process.argv.slice(2).map((pair) => pair.split('='))) as Record<string, string>;
const measured: Record<string, number> = { ...(await measureInputs()) };
for (const name of ['gateway-cpu', 'store-cpu', 'postgres-cpu', 'nats-cpu'])
  if (given[name] !== undefined) measured[name] = Number(given[name]);
process.stdout.write(`${renderInputs(MEASURED, measured)}\n\n`);
const page = readInputs(readFileSync('docs/scaling.md', 'utf8'));
process.stdout.write(`${renderInputs(ASSUMED, page)}\n\n${renderResults({ ...page, ...measured })}\n`);
