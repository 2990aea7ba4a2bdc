import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Entrypoint = z.tuple([z.literal('node')]).rest(z.string().startsWith('--'));

/** What the image gives Node.js before the program: a gateway is measured as it is deployed. */
export function imageArguments(): string[] {
  const dockerfile = readFileSync(join(process.cwd(), 'deploy', 'Dockerfile'), 'utf8');
  const [, , written] = /^(ENTRYPOINT) (\[.*\])$/m.exec(dockerfile) ?? [];
  const [, ...options] = Entrypoint.parse(JSON.parse(written ?? 'null'));
  return options;
}
