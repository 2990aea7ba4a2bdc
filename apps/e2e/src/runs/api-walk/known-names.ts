import type { Answered } from '@sallyport/admin-api';
import type { KnownNames } from './value-of-schema.js';

/**
 * What is there to be named. Nobody who administers, and nothing they sign in with: a walk may remove what it names,
 * and goes on.
 */
export function knownNames({ documents }: Pick<Answered<'readConfiguration'>, 'documents'>): KnownNames {
  const of = (kind: string) => documents.filter((document) => document.kind === kind).map(({ name }) => name);
  const lists = { server: of('McpServer'), credentialProvider: of('CredentialProvider'), kind: ['McpServer', 'Role'] };
  return Object.fromEntries(
    Object.entries(lists).flatMap(([field, [first, ...more]]) =>
      first === undefined ? [] : [[field, [first, ...more]]],
    ),
  );
}
