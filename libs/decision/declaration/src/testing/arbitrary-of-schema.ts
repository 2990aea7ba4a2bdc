import { DURATION } from '@sallyport/kernel';
import fc from 'fast-check';
import type { z } from 'zod';

type Schema = z.core.$ZodType;
/** What to make for a field, in place of what its schema alone would lead to: by the field's name. */
export type ByField = Readonly<Record<string, fc.Arbitrary<unknown>>>;

const DURATIONS = ['1s', '30s', '60s', '5m', '15m', '30m', '1h', '12h', '24h', '7d', '14d', '90d'];
/** What YAML has to quote, or would read as something else. */
const ODD_TEXTS = [
  'true',
  'null',
  '1.0',
  '- a',
  '# b',
  'a: b',
  ' x ',
  'l1\nl2\n',
  '~',
  "'",
  '"',
  '*',
  '&a',
  '!b',
  'ß→😀',
];

/**
 * Makes what a schema takes as input. Where a check cannot be read from the schema, such as a refinement, what it
 * refuses is thrown away.
 */
export function arbitraryOf(schema: Schema, byField: ByField = {}): fc.Arbitrary<unknown> {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const made = arbitraryOfDefinition(schema, byField);
  return (def.checks?.length ?? 0) > 0 ? made.filter((value) => accepts(schema, value)) : made;
}

const accepts = (schema: Schema, value: unknown): boolean => {
  const result = schema._zod.run({ value, issues: [] }, { async: false });
  return !(result instanceof Promise) && result.issues.length === 0;
};

function arbitraryOfDefinition(schema: Schema, byField: ByField): fc.Arbitrary<unknown> {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const limits = limitsOf(def);
  switch (def.type) {
    case 'string':
      return strings(limits);
    case 'number':
      return numbers(limits);
    case 'boolean':
      return fc.boolean();
    case 'unknown':
      return fc.jsonValue();
    case 'literal':
      return fc.constantFrom(...def.values);
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries));
    case 'union':
      return fc.oneof(...def.options.map((option) => arbitraryOf(option, byField)));
    case 'array':
      return fc.array(arbitraryOf(def.element, byField), {
        minLength: limits.least ?? 0,
        maxLength: Math.min(limits.most ?? 3, 3),
      });
    case 'record':
      return fc.dictionary(arbitraryOf(def.keyType, byField).map(String), arbitraryOf(def.valueType, byField), {
        maxKeys: 3,
        noNullPrototype: true,
      });
    case 'object':
      return objects(def.shape, byField);
    case 'optional':
    case 'default':
    case 'prefault':
      return arbitraryOf(def.innerType, byField);
    case 'nullable':
      return fc.option(arbitraryOf(def.innerType, byField));
    case 'lazy':
      return fc.constant(null).chain(() => arbitraryOf(def.getter(), byField));
    default:
      throw new Error(`no arbitrary for a schema of type ${def.type}`);
  }
}

function objects(shape: Readonly<Record<string, Schema>>, byField: ByField): fc.Arbitrary<unknown> {
  const fields = Object.entries(shape).map(([name, schema]) => [name, byField[name] ?? arbitraryOf(schema, byField)]);
  const required = Object.entries(shape).flatMap(([name, schema]) => (schema._zod.optin === 'optional' ? [] : [name]));
  return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: required,
    noNullPrototype: true,
  });
}

/** What the checks of a schema say that can be read from them. */
interface Limits {
  readonly least?: number;
  readonly most?: number;
  readonly pattern?: RegExp;
  readonly format?: string;
}

function limitsOf(def: z.core.$ZodTypes['_zod']['def']): Limits {
  const format = 'format' in def ? { format: String(def.format) } : {};
  return (def.checks ?? []).reduce<Limits>((limits, check) => {
    const checked = (check as z.core.$ZodChecks)._zod.def;
    switch (checked.check) {
      case 'min_length':
        return { ...limits, least: checked.minimum };
      case 'max_length':
        return { ...limits, most: checked.maximum };
      case 'greater_than':
        return { ...limits, least: Number(checked.value) };
      case 'less_than':
        return { ...limits, most: Number(checked.value) };
      case 'string_format':
        return { ...limits, format: checked.format, ...(checked.pattern ? { pattern: checked.pattern } : {}) };
      default:
        return limits;
    }
  }, format);
}

function strings({ least: minLength = 0, most: maxLength = Infinity, pattern, format }: Limits): fc.Arbitrary<string> {
  if (format === 'url') return urls();
  if (format === 'datetime')
    return fc
      .date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (pattern?.source === DURATION.source) return fc.constantFrom(...DURATIONS);
  if (pattern !== undefined)
    return fc.constantFrom(
      ...textsLike(pattern).filter((text) => text.length >= minLength && text.length <= maxLength),
    );
  return fc
    .oneof(
      { weight: 4, arbitrary: fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 20) }) },
      { weight: 1, arbitrary: fc.constantFrom(...ODD_TEXTS) },
    )
    .filter((text) => text.length >= minLength && text.length <= maxLength);
}

const texts = new Map<string, readonly string[]>();

/** Some texts that match, made once: to make one takes longer than all the rest. */
function textsLike(pattern: RegExp): readonly string[] {
  const known = texts.get(pattern.source);
  if (known) return known;
  const made = [...new Set(fc.sample(fc.stringMatching(pattern, { size: 'xsmall' }), { numRuns: 12, seed: 1 }))];
  texts.set(pattern.source, made);
  return made;
}

const urls = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('https', 'http'),
      fc.stringMatching(/^[a-z]{1,8}\.example$/),
      fc.constantFrom('', ':8443'),
      fc.constantFrom('', '', '/mcp', '/a/b?c=d'),
    )
    .map(([scheme, host, port, path]) => `${scheme}://${host}${port}${path}`);

function numbers({ least: min = -1_000, most: max = 1_000, format }: Limits): fc.Arbitrary<number> {
  const whole = fc.integer({ min, max });
  if (format === 'safeint') return whole;
  return fc.oneof(
    whole,
    fc.double({ min, max, noNaN: true }).map((value) => (value === 0 ? 0 : value)),
  );
}
