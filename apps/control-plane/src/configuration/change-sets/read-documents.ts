import { checkDocument, secretSourcesOf } from '@sallyport/declaration';
import { pointerOf } from '@sallyport/http';
import { Secret } from '@sallyport/kernel';
import type { DocumentError, Put } from './change-request.js';

/** A document as somebody sent it. */
export interface SentDocument {
  readonly kind: string;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly origin?: string | undefined;
  /** Where it stands in the request, e.g. `/documents/3`. */
  readonly pointer: string;
}

interface ReadDocuments {
  readonly puts: readonly Put[];
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly errors: readonly DocumentError[];
}

/**
 * Reads documents out of a request. A secret that is given in place of its reference (`{ value: "…" }`) is taken out:
 * the document says `{ stored: true }` from here on, and no error repeats the secret.
 * @param given values of secrets that were given beside the documents
 */
export function readDocuments(sent: readonly SentDocument[], given: Readonly<Record<string, string>>): ReadDocuments {
  const secrets = new Map(Object.entries(given).map(([name, value]) => [name, new Secret(value)]));
  const puts: Put[] = [];
  const errors: DocumentError[] = [];
  for (const { kind, name, spec, origin, pointer } of sent) {
    const told = { kind, name, ...(origin !== undefined && { origin }) };
    const values = new Map<string, Secret>();
    const checked = checkDocument({ kind, name, spec: withoutValues(spec, ['spec'], values) });
    if ('problems' in checked) {
      errors.push(
        ...checked.problems.map(({ path, message }) => ({ pointer: `${pointer}${pointerOf(path)}`, message, ...told })),
      );
      continue;
    }
    const places = new Map(
      secretSourcesOf(checked.document).map((source) => [pointerOf(source.path), source.name] as const),
    );
    for (const [place, secret] of values) {
      const secretName = places.get(place);
      if (secretName === undefined)
        errors.push({ pointer: `${pointer}${place}`, message: 'takes no secret: remove it', ...told });
      else secrets.set(secretName, secret);
    }
    puts.push({ document: checked.document, origin: origin ?? null, pointer });
  }
  return { puts, secrets, errors };
}

const MAX_DEPTH = 32;

/** A copy in which `{ stored: true }` stands for each `{ value: "…" }`. @param values gets them, by JSON pointer */
function withoutValues(value: unknown, path: readonly (string | number)[], values: Map<string, Secret>): unknown {
  if (typeof value !== 'object' || value === null || path.length > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((part, place) => withoutValues(part, [...path, place], values));
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === 'value' && typeof first[1] === 'string' && first[1] !== '') {
    values.set(pointerOf(path), new Secret(first[1]));
    return { stored: true };
  }
  return Object.fromEntries(entries.map(([key, part]) => [key, withoutValues(part, [...path, key], values)]));
}
