import { problemsOfTrustProvider } from '@sallyport/authorization';
import type { DocumentOf } from '@sallyport/configuration';
import { problemAt, problemIf } from './check.js';
import type { DocumentSet, Problem } from './check.js';

export function trustProviderProblems(
  document: DocumentOf<'TrustProvider'>,
  { documents }: DocumentSet,
): readonly Problem[] {
  const { identityAssertions, issuer } = document.spec;
  const takesAssertionsToo = documents.some(
    (other) =>
      other !== document &&
      other.kind === 'TrustProvider' &&
      other.spec.issuer === issuer &&
      other.spec.identityAssertions !== undefined,
  );
  return [
    ...problemsOfTrustProvider(document.spec).map(({ path, message }) => problemAt(path, message)),
    ...problemIf(
      identityAssertions !== undefined && takesAssertionsToo,
      ['identityAssertions'],
      'is in two providers of one issuer: an assertion would not say whose human it is about',
    ),
  ];
}
