import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { World } from '../world.js';

/** Where the value of a secret is read on this machine; a path is absolute. */
export const SecretPlace = z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })]);
export type SecretPlace = z.infer<typeof SecretPlace>;

/** Places by `<Kind>/<name>/<field>`. */
export type SecretPlaces = Readonly<Record<string, SecretPlace>>;

/** A secret whose value is not on this machine. */
export interface MissingSecret {
  readonly name: string;
  readonly place: SecretPlace;
}

/** Reads what is there. A secret that is not on this machine is left out: the system keeps the one it has. */
export async function gatherSecrets(
  world: World,
  places: SecretPlaces,
): Promise<{ readonly values: Record<string, string>; readonly missing: readonly MissingSecret[] }> {
  const values: Record<string, string> = {};
  const missing: MissingSecret[] = [];
  for (const [name, place] of Object.entries(places)) {
    const value = 'env' in place ? world.variables[place.env] : await readSecret(resolve(world.directory, place.file));
    if (value === undefined || value === '') missing.push({ name, place });
    else values[name] = value;
  }
  return { values, missing };
}

async function readSecret(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

/** What becomes of a secret that is not here, and where it would be read. */
export const noteOfMissing = ({ name, place }: MissingSecret): string =>
  `${name} is not here: ${
    'env' in place ? `the environment variable ${place.env} is not set` : `${place.file} is missing or empty`
  }. The system keeps the value it has, if it has one.`;
