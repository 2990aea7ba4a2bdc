import { describe, expect, it } from 'vitest';
import type { WorkloadConditions, WorkloadIssuerSpec } from '@sallyport/configuration';
import { isWorkload, problemsOfWorkload } from './workload-identity.js';

type Conditions = Omit<WorkloadConditions, 'method' | 'issuer'>;
const issuer = (type: 'oidc' | 'kubernetes' | 'github-actions' | 'gitlab' = 'oidc'): WorkloadIssuerSpec => ({
  type,
  issuer: 'https://issuer.example',
  algorithms: ['RS256'],
  maxLifetime: '1h',
  singleUse: false,
});
const meant = (conditions: Conditions, claims: Record<string, unknown>) =>
  isWorkload(issuer(), { method: 'workload', issuer: 'i', ...conditions }, claims);

describe('a workload', () => {
  it.each<[Conditions, Record<string, unknown>, boolean]>([
    [{ subject: 'a' }, { sub: 'a' }, true],
    [{ subject: 'a' }, { sub: 'A' }, false],
    [{ subject: 'a' }, {}, false],
    [{ claims: { n: 1, b: true } }, { n: 1, b: true, x: 1 }, true],
    [{ claims: { n: 1 } }, { n: '1' }, false],
    [{ claims: { n: 'a' } }, { n: ['a'] }, false],
    [{ claims: { o: { a: { b: 'c' } } } }, { o: { a: { b: 'c' }, d: 1 } }, true],
    [{ claims: { o: { a: 'b' } } }, { o: 'b' }, false],
    [{ claims: { constructor: 'x' } }, {}, false],
    [{ subject: 'a', claims: { n: 1 } }, { sub: 'a', n: 2 }, false],
    [{ subject: 'a', when: 'claims.n > 1.0' }, { sub: 'a', n: 2 }, true],
    [{ subject: 'a', when: 'claims.n > 1.0' }, { sub: 'a', n: 1 }, false],
    [{ subject: 'a', when: 'claims.m > 1.0' }, { sub: 'a', n: 2 }, false],
    [{ subject: 'a', when: 'claims.' }, { sub: 'a' }, false],
    [{ subject: 'a', when: 'user.id == ""' }, { sub: 'a' }, false],
    [{}, { sub: 'a' }, false],
  ])('that %j describes, shown %j, is it: %s (R5)', (conditions, claims, expected) => {
    expect(meant(conditions, claims)).toBe(expected);
  });

  it.each<['kubernetes' | 'github-actions' | 'gitlab' | 'oidc', Conditions, string[]]>([
    ['github-actions', { claims: { ref: 'refs/heads/main' } }, ['subject']],
    ['github-actions', { when: 'claims.repository == "acme/app"' }, ['subject']],
    ['github-actions', { claims: { repository_id: '74' } }, []],
    ['gitlab', { claims: { ref: 'main' } }, ['subject']],
    ['gitlab', { claims: { project_path: 'acme/app' } }, []],
    ['kubernetes', { claims: { 'kubernetes.io': { namespace: 'agents' } } }, []],
    ['oidc', {}, ['subject']],
    ['oidc', { subject: 'x', when: 'claims.a.matches("(a+)+")' }, ['when']],
  ])('of %s that %j describes could be anybody’s, or nobody’s: %j (R5)', (type, conditions, fields) => {
    expect(problemsOfWorkload(issuer(type), conditions).map(({ field }) => field)).toEqual(fields);
  });
});
