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
  /** Characters. */
  readonly longest: number;

  /** @param shown values of headers in which the server gets to see something secret */
  constructor(shown: readonly string[]) {
    this.#shown = shown;
    const traces = tracesIn(shown);
    this.#probes = [...new Set(traces.map((trace) => copyOf(trace.slice(0, PROBE))))];
    const lengths = traces.map(({ length }) => length);
    this.#shortest = Math.min(Infinity, ...lengths);
    this.longest = Math.max(1, ...lengths);
  }

  redact(text: string): string {
    if (text.length < this.#shortest || !this.#probes.some((probe) => text.includes(probe))) return text;
    return tracesIn(this.#shown).reduce(
      (redacted, trace) => (redacted.includes(trace) ? redacted.replaceAll(trace, '[redacted]') : redacted),
      text,
    );
  }
}

/** A part of a text keeps all of the text in memory; a copy does not. UTF-16 copies half a pair as half a pair. */
const copyOf = (part: string): string => Buffer.from(part, 'utf16le').toString('utf16le');

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
