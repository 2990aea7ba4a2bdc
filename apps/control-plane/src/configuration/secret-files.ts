import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { secretSourcesOf } from '@sallyport/declaration';
import { Secret } from '@sallyport/kernel';
import type { DesiredConfiguration } from './read-declarative-file.js';

/**
 * The files a declarative file's secrets were read from, such as certificates that somebody renews. What counts is that
 * a file changed under this process's eyes: of several control planes one may see the new content later than the
 * others, and must not put the old one back.
 */
export class SecretFiles {
  /** By stored name: the file, and a digest of what stood in it last. */
  readonly #files: Map<string, { readonly path: string; seen: string }>;

  constructor(declarativeFile: string, { documents, secrets }: DesiredConfiguration) {
    const directory = dirname(resolve(declarativeFile));
    this.#files = new Map(
      documents
        .flatMap(secretSourcesOf)
        .flatMap(({ name, source }) =>
          'file' in source
            ? [
                [
                  name,
                  { path: resolve(directory, source.file), seen: digestOf(secrets.get(name)?.reveal() ?? '') },
                ] as const,
              ]
            : [],
        ),
    );
  }

  /**
   * Hands over what changed since the last time. Leaves a file that is empty, or cannot be read now, for the next time.
   * @param renew stores them; when it rejects, they count as unread
   */
  async follow(renew: (secrets: ReadonlyMap<string, Secret>) => Promise<void>): Promise<void> {
    const changed = new Map<string, Secret>();
    for (const [name, { path, seen }] of this.#files) {
      const value = (await readFile(path, 'utf8').catch(() => '')).trim();
      if (value !== '' && digestOf(value) !== seen) changed.set(name, new Secret(value));
    }
    if (changed.size === 0) return;
    await renew(changed);
    for (const [name, secret] of changed) {
      const file = this.#files.get(name);
      if (file) file.seen = digestOf(secret.reveal());
    }
  }
}

const digestOf = (value: string): string => createHash('sha256').update(value).digest('base64url');
