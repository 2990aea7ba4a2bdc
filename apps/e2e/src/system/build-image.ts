import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { repositoryRoot } from '@sallyport/testing';
import { z } from 'zod';

/** How a service is started. */
export interface Program {
  /** Absolute. */
  readonly entry: string;
  /** Of Node itself. */
  readonly nodeArgs: readonly string[];
}

/** As deploy/Dockerfile writes them: what is started, and with which settings of Node. */
const Entrypoint = z.tuple([z.literal('node')]).rest(z.string().startsWith('--'));
const Command = z.tuple([z.string()]);

/**
 * Bundles a service into a folder by the step of deploy/Dockerfile that does so, and says how its image starts what is
 * there. No container engine is needed for it.
 * @param folder becomes what is `/app` in the image
 */
export async function buildImage(app: 'gateway', folder: string): Promise<Program> {
  const dockerfile = readFileSync(join(repositoryRoot, 'deploy', 'Dockerfile'), 'utf8');
  const written = (instruction: string): unknown => {
    const [, value] = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(dockerfile) ?? [];
    return JSON.parse(value ?? 'null');
  };
  const [, script = ''] = /^RUN node (\S+) "\$\{APP\}" \/product$/m.exec(dockerfile) ?? [];
  await promisify(execFile)(process.execPath, [script, app, folder], { cwd: repositoryRoot });
  const [, ...nodeArgs] = Entrypoint.parse(written('ENTRYPOINT'));
  const [entry] = Command.parse(written('CMD'));
  return { entry: join(folder, entry), nodeArgs };
}
