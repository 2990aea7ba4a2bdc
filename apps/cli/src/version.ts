import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Of this package: `package.json` is beside the folder that this runs from, in the workspace and when packed. */
export const VERSION: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))).version;
