import { documentKey, type Document } from '@sallyport/configuration';
import { secretSourcesOf } from '@sallyport/declaration';
import { pointerOf } from '@sallyport/http';
import type { ChangeRequest, DocumentError } from './change-request.js';
import type { StoredConfiguration } from './stored-configuration.js';
import type { SealedSecrets, SecretChanges } from './stored-secrets.js';

/**
 * Finds out which secrets a change gives another value. A document without a value for a secret keeps the stored one;
 * where none is stored, somebody has to give it.
 * @param withheld names of those whose value is not compared: as if they were given and nobody knew what is stored
 */
export function secretChangesOf(
  { puts, secrets }: ChangeRequest,
  { documents }: StoredConfiguration,
  sealed: SealedSecrets,
  withheld: ReadonlySet<string>,
): {
  readonly errors: readonly DocumentError[];
  readonly changed: ReadonlySet<string>;
  /** @param resulting all documents after the change: secrets that none of them has go */
  of(resulting: readonly Document[]): SecretChanges;
} {
  const errors: DocumentError[] = [];
  const changed = new Set<string>();
  const known = new Set<string>();
  for (const { document, pointer, origin } of puts) {
    for (const { name, path } of secretSourcesOf(document)) {
      known.add(name);
      const value = secrets.get(name);
      const isStored = sealed.has(name) && documents.has(documentKey(document));
      if (value !== undefined) {
        if (withheld.has(name) ? !isStored : !sealed.is(name, value)) changed.add(name);
      } else if (!isStored) {
        errors.push({
          pointer: `${pointer}${pointerOf(path)}`,
          message:
            'has no stored value: give it as { value: "…" } in place of the reference, ' + `or as "${name}" in secrets`,
          kind: document.kind,
          name: document.name,
          ...(origin !== null && { origin }),
        });
      }
    }
  }
  for (const name of secrets.keys())
    if (!known.has(name))
      errors.push({
        pointer: pointerOf(['secrets', name]),
        message: 'is the secret of no document here: correct its name or remove it',
      });
  return {
    errors,
    changed,
    of: (resulting) => ({
      changed,
      values: secrets,
      removed: sealed.beyond(new Set(resulting.flatMap(secretSourcesOf).map(({ name }) => name))),
    }),
  };
}
