import type { ClaimSource } from '@sallyport/configuration';
import { compileClaimExpression } from '@sallyport/policy';

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimReader {
  /** The value that the claims have there; undefined when they have none. */
  read(claims: Claims): unknown;
  /** Whether it looks at the top-level claim of this name. */
  reads(claim: string): boolean;
}

const BARE = /^[A-Za-z_][A-Za-z0-9_:-]*$/;

/**
 * A claim's name, a dotted path whose segments may be quoted (`resource_access."my client".roles`), or CEL. A name that
 * is a URL stands for itself, as providers ask for namespaced claims (`https://acme.example/roles`).
 * @param wanted see `compileClaimExpression`
 */
export function compileClaimSource(source: ClaimSource, wanted: 'text' | 'texts'): ClaimReader | { invalid: string } {
  if (typeof source !== 'string') {
    const expression = compileClaimExpression(source.cel, wanted);
    if ('invalid' in expression) return expression;
    return { read: (claims) => expression.evaluate(claims), reads: (claim) => source.cel.includes(claim) };
  }
  const path = /^https?:\/\//.test(source) ? [source] : segmentsOf(source);
  if ('invalid' in path) return path;
  return { read: (claims) => path.reduce<unknown>(ownProperty, claims), reads: (claim) => path[0] === claim };
}

function ownProperty(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function segmentsOf(path: string): string[] | { invalid: string } {
  const invalid = {
    invalid:
      'is not a path: write segments of letters, digits, `_`, `-` and `:` with dots between them, ' +
      'and anything else in double quotes',
  };
  const segments: string[] = [];
  let rest = path;
  for (;;) {
    const quoted = /^"([^"]+)"/.exec(rest);
    const segment = quoted?.[1] ?? /^[^."]+/.exec(rest)?.[0];
    if (segment === undefined || (!quoted && !BARE.test(segment))) return invalid;
    segments.push(segment);
    rest = rest.slice(quoted ? quoted[0].length : segment.length);
    if (rest === '') return segments;
    if (!rest.startsWith('.')) return invalid;
    rest = rest.slice(1);
  }
}
