import { PieceRedactor } from './redact-pieces.js';

/** As much of the beginning of a trace as shows that it is not there; all of a shorter one. */
const PROBE = 16;

/**
 * The forms in which a server may tell what it was shown, taken out of what it says (R44). There are thousands of
 * these, one for each user: between two texts it holds the beginnings of the forms only, and makes the forms when one
 * of the beginnings is there.
 */
export class SecretTraces {
  readonly #shown: readonly string[];
  readonly #probes: readonly string[];
  readonly #shortest: number;

  /** @param shown values of headers in which the server gets to see something secret */
  constructor(shown: readonly string[]) {
    this.#shown = shown;
    const traces = tracesIn(shown);
    this.#probes = [...new Set(traces.map((trace) => copyOf(trace.slice(0, PROBE))))];
    this.#shortest = Math.min(Infinity, ...traces.map(({ length }) => length));
  }

  /** Takes out the first trace, of those that begin at one place the longest, then searches what follows. */
  redact(text: string): string {
    if (text.length < this.#shortest || !this.#probes.some((probe) => text.includes(probe))) return text;
    const traces = tracesIn(this.#shown).toSorted((a, b) => b.length - a.length);
    return text.replaceAll(new RegExp(traces.map(asPattern).join('|'), 'g'), '[redacted]');
  }

  /** The same for a text that comes in pieces (UTF-8, whole characters), and leaves in such pieces. */
  async *redactPieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const redactor = new PieceRedactor(tracesIn(this.#shown));
    for await (const piece of pieces) yield* redactor.take(piece);
    yield* redactor.rest();
  }
}

/** A part of a text keeps all of the text in memory; a copy does not. UTF-16 copies half a pair as half a pair. */
const copyOf = (part: string): string => Buffer.from(part, 'utf16le').toString('utf16le');

const asPattern = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

const tracesIn = (shown: readonly string[]): string[] => [...new Set(shown.flatMap(secretsIn).flatMap(tracesOf))];

/** What of a header's value is secret: all but the scheme; of `Basic` the password too (RFC 7617). */
function secretsIn(value: string): string[] {
  const [, scheme, credential = value] = /^(\S+) +(.+)$/.exec(value) ?? [];
  const pair = scheme?.toLowerCase() === 'basic' ? Buffer.from(credential, 'base64').toString('utf8') : undefined;
  return [credential, ...(pair === undefined ? [] : [pair, pair.slice(pair.indexOf(':') + 1)])].filter(
    (secret) => secret.length >= 8,
  );
}

/**
 * The forms in which a server may tell a secret: as it is, in JSON, in a URL, and in Base64, alone or amid other text.
 */
function tracesOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  // Of three bytes four characters are made: which ones depends on where the secret begins, and the outer ones on its
  // neighbours.
  const amid = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64url')
      .slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3)),
  );
  const encoded = [
    bytes.toString('base64'),
    bytes.toString('base64url'),
    ...amid.flatMap((core) => [core, core.replaceAll('-', '+').replaceAll('_', '/')]),
  ];
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...encoded];
}
