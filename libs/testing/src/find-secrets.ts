/** Where a secret turned up, and in which dress. */
export interface Finding {
  readonly secret: string;
  readonly place: string;
  readonly form: string;
}

/**
 * Searches every place for every secret, byte by byte, as it is and as JSON, URL, hex and base64 would carry it.
 * @param places what was sent, received or written, by a name for the message
 * @param secrets by a name for the message; each at least 8 characters, or a finding would mean nothing
 */
export function findSecrets(
  places: Readonly<Record<string, string | Uint8Array>>,
  secrets: Readonly<Record<string, string>>,
): Finding[] {
  const haystacks = Object.entries(places).map(([place, content]) => ({
    place,
    bytes: typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content),
  }));
  return Object.entries(secrets).flatMap(([secret, value]) => {
    if (value.length < 8) throw new RangeError(`${secret} is too short to search for`);
    const forms = Object.entries(dresses(value));
    return haystacks.flatMap(({ place, bytes }) =>
      forms
        .filter(([, needles]) => needles.some((needle) => bytes.includes(needle)))
        .map(([form]) => ({ secret, place, form })),
    );
  });
}

function dresses(value: string): Record<string, string[]> {
  const bytes = Buffer.from(value, 'utf8');
  const base64 = [0, 1, 2].map((shift) => withinBase64(bytes, shift));
  return {
    plain: [value],
    json: [JSON.stringify(value).slice(1, -1)],
    url: [encodeURIComponent(value)],
    hex: [bytes.toString('hex'), bytes.toString('hex').toUpperCase()],
    base64,
    base64url: base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  };
}

/** What stays the same of a value's base64 when `shift` bytes (modulo 3) stand before it and anything behind it. */
function withinBase64(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replaceAll('=', '');
  const first = Math.ceil((shift * 8) / 6);
  const last = Math.floor(((shift + bytes.length) * 8) / 6);
  return encoded.slice(first, last);
}
