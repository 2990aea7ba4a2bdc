import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenEndpointResponse } from 'oauth4webapi';
import { z } from 'zod';
import { configFolder, readIfThere, writePrivately } from '../target/contexts.js';
import type { World } from '../world.js';

/** What a sign-in left on this machine, in a file for its owner alone. */
const SignedIn = z.looseObject({
  url: z.string(),
  accessToken: z.string().min(1),
  refreshToken: z.string().min(1).optional(),
  /** Milliseconds since the epoch. */
  expiresAt: z.number(),
});
export type SignedIn = z.infer<typeof SignedIn>;

const fileOf = (world: World, context: string): string => join(configFolder(world), 'sign-ins', `${context}.json`);

/** @returns `undefined` when nobody signed in, for another address, or the file is not ours */
export async function readSignedIn(world: World, context: string, url: string): Promise<SignedIn | undefined> {
  const text = await readIfThere(fileOf(world, context));
  const read = text === undefined ? undefined : SignedIn.safeParse(parsed(text)).data;
  return read?.url === url ? read : undefined;
}

export async function keepSignedIn(
  world: World,
  context: string,
  url: string,
  { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds = 0 }: TokenEndpointResponse,
): Promise<SignedIn> {
  const kept: SignedIn = {
    url,
    accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    expiresAt: world.now() + seconds * 1_000,
  };
  await writePrivately(fileOf(world, context), `${JSON.stringify(kept)}\n`);
  return kept;
}

export const forgetSignedIn = (world: World, context: string): Promise<void> =>
  rm(fileOf(world, context), { force: true });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}
