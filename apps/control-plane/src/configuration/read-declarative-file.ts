import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Document } from '@sallyport/configuration';
import { parseDeclaration, secretSourcesOf, type Declaration } from '@sallyport/declaration';
import { SallyportError, Secret } from '@sallyport/kernel';

/** Documents with the values of their secrets, which are in no document: by `<Kind>/<name>/<field>`. */
export interface DesiredConfiguration {
  readonly documents: readonly Document[];
  /** Where a document stands, as `file:line`. */
  readonly originOf: (document: Document) => string;
  readonly secrets: ReadonlyMap<string, Secret>;
}

/**
 * @param amend what becomes of its text before it is read; lines stay where they are
 * @throws SallyportError `declaration_unreadable`, `declaration_invalid`
 */
export async function readDeclaration(
  path: string,
  amend: (text: string) => string = (text) => text,
): Promise<Declaration> {
  return parseDeclaration(amend(await read(path, `The declarative file ${path}`)), basename(path));
}

/**
 * @param path of the declarative file: `{ file: path }` is relative to it
 * @param environment where `{ env: NAME }` is looked up
 * @throws SallyportError `declaration_invalid` for a secret that is not there
 */
export async function withSecrets(
  declaration: Declaration,
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<DesiredConfiguration> {
  const secrets = await readSecrets(declaration, dirname(resolve(path)), environment);
  return { documents: declaration.documents, originOf: declaration.originOf, secrets };
}

/** The environment variables a declarative file refers to: they are its secrets, not settings of the process. */
export function secretVariablesOf({ documents }: Declaration): string[] {
  return documents.flatMap((document) =>
    secretSourcesOf(document).flatMap(({ source }) => ('env' in source ? [source.env] : [])),
  );
}

async function readSecrets(
  declaration: Declaration,
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Map<string, Secret>> {
  const secrets = new Map<string, Secret>();
  const problems: string[] = [];
  for (const document of declaration.documents) {
    for (const { name, path, source } of secretSourcesOf(document)) {
      if ('stored' in source) continue; // it was given with an earlier write: whoever writes now looks for it
      const value =
        'env' in source
          ? environment[source.env]
          : (await read(resolve(directory, source.file), 'The secret file').catch(() => undefined))?.trim();
      if (value) secrets.set(name, new Secret(value));
      else {
        const remedy =
          'env' in source
            ? `the environment variable ${source.env} is not set: set it`
            : `the file ${source.file} is missing, unreadable or empty: create it`;
        problems.push(
          `  ${declaration.locate(document, path)}: ${document.kind} "${document.name}": ${path.join('.')}: ${remedy}`,
        );
      }
    }
  }
  if (problems.length > 0)
    throw new SallyportError(
      'declaration_invalid',
      `Secrets of the declarative file cannot be read:\n${problems.join('\n')}`,
    );
  return secrets;
}

async function read(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new SallyportError('declaration_unreadable', `${what} cannot be read (${code}).`, { cause });
  }
}
