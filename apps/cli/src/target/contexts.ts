import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';

export const ContextName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be lower-case letters, digits, `.`, `_` and `-`, at most 64');

/** A system that somebody administers from here. */
const Context = z.looseObject({
  /** Of the control plane. */
  url: z.url({ protocol: /^https?$/ }),
  /** A file with an administrator's token, in place of a sign-in. */
  tokenFile: z.string().min(1).optional(),
});
export type Context = z.infer<typeof Context>;

const Contexts = z.looseObject({
  current: ContextName.nullable().default(null),
  contexts: z.record(ContextName, Context).default({}),
});
export type Contexts = z.infer<typeof Contexts>;

/** Where this person's contexts and sign-ins are kept: theirs alone. */
export const configFolder = ({ environment, home }: Pick<World, 'environment' | 'home'>): string =>
  join(environment.XDG_CONFIG_HOME ?? join(home, '.config'), 'sallyport');

const fileIn = (folder: string): string => join(folder, 'contexts.json');

/** @throws CliError when the file is there and is not ours */
export async function readContexts(world: World): Promise<Contexts> {
  const file = fileIn(configFolder(world));
  const text = await readIfThere(file);
  if (text === undefined) return Contexts.parse({});
  const read = Contexts.safeParse(parsed(text));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new CliError(EXIT.invalid, `${file} is not valid: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`, [
    'Mend it, or remove it and sign in again.',
  ]);
}

export async function writeContexts(world: World, contexts: Contexts): Promise<void> {
  await writePrivately(fileIn(configFolder(world)), `${JSON.stringify(contexts, null, 2)}\n`);
}

/** Writes a file whole or not at all, for its owner alone (0600 in a folder of 0700). */
export async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const beside = `${file}.${process.pid}.new`;
  try {
    await writeFile(beside, text, { mode: 0o600, flag: 'w' });
    await chmod(beside, 0o600); // one that was left behind keeps its own mode
    await rename(beside, file);
  } finally {
    await rm(beside, { force: true });
  }
}

export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}
