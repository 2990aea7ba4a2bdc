import { Raw, type Draft, type FuzzFacts, type FuzzRequest } from './fuzz-request.js';
import { mutate } from './mutations.js';
import { Random } from './random.js';
import { validRequest } from './valid-request.js';

const CONTENT_TYPE = { query: undefined, form: 'application/x-www-form-urlencoded', json: 'application/json' } as const;

/**
 * Case `index` of the run `seed`. Only ids, secrets and ports, which the facts bring, differ between two runs of it.
 */
export function makeRequest(seed: number, index: number, facts: FuzzFacts): FuzzRequest {
  const random = new Random(seed, index);
  const draft = validRequest(facts, random);
  mutate(draft, random, facts);
  return encode(draft, random);
}

function encode({ method, path, encoding, parameters, headers }: Draft, random: Random): FuzzRequest {
  const bodiless = encoding === 'query' || method === 'GET' || method === 'HEAD';
  const query = encoding === 'query' ? pairs(parameters) : '';
  const body = bodiless ? undefined : damage(encoding === 'json' ? json(parameters) : pairs(parameters), random);
  const type = CONTENT_TYPE[encoding];
  return {
    method,
    path: onlySendable(query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`),
    headers: [
      ...(type === undefined || headers.some(([name]) => name === 'content-type')
        ? []
        : [['content-type', type] as const]),
      ...headers,
    ],
    body,
  };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
const encoded = (value: unknown): string =>
  value instanceof Raw ? value.text : encodeURIComponent(text(value).toWellFormed());
const pairs = (parameters: Draft['parameters']): string =>
  parameters
    .map(([name, value]) => `${name.includes('%') ? name : encodeURIComponent(name)}=${encoded(value)}`)
    .join('&');

/** Keys may repeat, as in a form. */
const json = (parameters: Draft['parameters']): string =>
  `{${parameters.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value instanceof Raw ? value.text : value)}`).join(',')}}`;

function damage(body: string, random: Random): string {
  if (!random.oneIn(25)) return body;
  return random.pick([
    body.slice(0, -random.below(body.length || 1)),
    '',
    'null',
    '[]',
    '"x"',
    '{',
    `${body}&&&`,
    `[${body}]`,
    '\u0000',
    '['.repeat(20_000),
    `${body}${' '.repeat(70_000)}`,
  ]);
}

/** An HTTP client refuses these in a request line; Node's parser would too, before any code of ours. */
const onlySendable = (path: string): string =>
  path.replace(/[^\x21-\xff]/g, (character) => encodeURIComponent(character));
