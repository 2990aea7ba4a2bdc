import { Random } from '../fuzz/random.js';
import type { McpCase, McpFacts } from './mcp-case.js';
import { mutateMessage } from './mutate-message.js';
import { validMessage } from './valid-message.js';
import type { MessageDraft } from './valid-message.js';

/**
 * Case `index` of the run `seed`. Only tokens and session ids, which the facts bring, differ between two runs of it.
 */
export function makeMcpCase(seed: number, index: number, facts: McpFacts): McpCase {
  const random = new Random(seed, index);
  const draft = validMessage(facts, random);
  mutateMessage(draft, random, facts);
  const body =
    draft.method === 'GET' || draft.method === 'HEAD' || draft.message === null
      ? Buffer.alloc(0)
      : damage(textOf(draft), random);
  return {
    method: draft.method,
    path: draft.path,
    headers: draft.headers.map(([name, value]) => [name, value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?')] as const),
    body,
    pieces: body.length > 1 && random.oneIn(6) ? cuts(body.length, random) : [body.length],
    cutAfter: body.length > 0 && random.oneIn(20) ? random.below(body.length) : undefined,
  };
}

const LONGEST_BATCH = 2_000_000;

function textOf({ message, times = 1 }: MessageDraft): string {
  const text = JSON.stringify(message);
  return times === 1
    ? text
    : `[${Array<string>(Math.max(1, Math.min(times, Math.floor(LONGEST_BATCH / text.length))))
        .fill(text)
        .join(',')}]`;
}

/** The text of one message in eight is no longer what JSON.stringify wrote. */
function damage(text: string, random: Random): Buffer {
  if (!random.oneIn(8)) return Buffer.from(text.toWellFormed());
  const at = random.below(text.length || 1);
  return random.pick([
    () => Buffer.from(text.slice(0, at)),
    () => Buffer.from(`${text} ${text}`),
    () => Buffer.from(text.replace('{', '{"jsonrpc":"2.0","method":"tools/list",')),
    () => Buffer.from(text.replace('"params":{', '"params":{"name":"other","name":')),
    () => Buffer.from(`\ufeff${text}`),
    () =>
      Buffer.concat([
        Buffer.from(text.slice(0, at)),
        Buffer.from([0xff, 0xfe, 0xc3, 0x28]),
        Buffer.from(text.slice(at)),
      ]),
    () => Buffer.from(text, 'utf16le'),
    () => Buffer.from(text.replace(/"method"/, '"\\u006dethod"')),
    () => Buffer.from(text.replace(/:(\d+)/, ':$1e400')),
    () => Buffer.from(text.replace(/,/, ',,')),
    () => Buffer.from(`${'['.repeat(random.pick([40, 20_000]))}${text}`),
    () => Buffer.from(`${text}${' '.repeat(random.pick([10, 100_000]))}`),
    () => Buffer.from(''),
  ])();
}

function cuts(length: number, random: Random): number[] {
  const places = Array.from({ length: 1 + random.below(5) }, () => 1 + random.below(length - 1)).toSorted(
    (one, other) => one - other,
  );
  return [...places, length].map((place, index) => place - (places[index - 1] ?? 0)).filter((size) => size > 0);
}
