import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { World } from '../world.js';

/** An `npm start` that runs on this machine, as its data directory tells. */
export interface LocalStart {
  readonly dataDirectory: string;
  readonly url: string;
  readonly gatewayUrl: string | undefined;
  readonly tokenFile: string;
}

const Addresses = z.looseObject({ controlPlane: z.url(), gateway: z.url() }).partial();
const DEFAULT_PORT = 7402;

/**
 * The `npm start` whose data directory is named, or is `.sallyport` here or in a folder above. A folder of another user
 * counts for nothing: it would say where the token goes.
 */
export function findLocalStart({ environment, directory }: World): LocalStart | undefined {
  const named = environment.SALLYPORT_DATA_DIR;
  const folders = named === undefined ? foldersUpFrom(directory) : [resolve(directory, named)];
  const found = folders.find((folder) => isOurs(folder) && isOurs(join(folder, 'admin-token')));
  if (found === undefined) return undefined;
  const said = readAddresses(found);
  return {
    dataDirectory: found,
    url: said.controlPlane ?? `http://127.0.0.1:${environment.SALLYPORT_CONTROL_PLANE_PORT ?? DEFAULT_PORT}`,
    gatewayUrl: said.gateway,
    tokenFile: join(found, 'admin-token'),
  };
}

function foldersUpFrom(directory: string): string[] {
  const parent = dirname(directory);
  return [join(directory, '.sallyport'), ...(parent === directory ? [] : foldersUpFrom(parent))];
}

function isOurs(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && (process.getuid === undefined || found.uid === process.getuid());
}

/** `addresses.json`, which a start writes when it is ready; ports of one that noted none are the defaults. */
function readAddresses(dataDirectory: string): z.infer<typeof Addresses> {
  try {
    return Addresses.parse(JSON.parse(readFileSync(join(dataDirectory, 'addresses.json'), 'utf8')));
  } catch (error) {
    if (error instanceof Error && (error instanceof SyntaxError || error instanceof z.ZodError || 'code' in error))
      return {};
    throw error;
  }
}
