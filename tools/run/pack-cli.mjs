import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compileQuietly } from './build.mjs';
import { bundle } from './bundle.mjs';
import { npmCommand } from './installation.mjs';
import { licencesOf } from './licences.mjs';
import { mustRun, quietly } from './process.mjs';

/**
 * Packs the command line into one tarball that needs nothing else: `npx ./sallyport-cli-0.1.0.tgz status`. What it uses
 * of the workspace is in no registry, and what it uses of others is what package-lock.json pins: so all of it is
 * bundled, with the licences of what is inside.
 * @param {string} root @param {readonly string[]} args where the tarball goes; the root unless said
 */
export async function packCli(root, args) {
  await compileQuietly(root, 'apps/cli');
  const folder = join(root, '.cache', 'cli-package');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const packages = await bundle(root, 'apps/cli/dist/main.js', { dir: join(folder, 'dist') });
  const { name, version, license, engines } = JSON.parse(readFileSync(join(root, 'apps/cli/package.json'), 'utf8'));
  const manifest = {
    name,
    version,
    description: 'The command line of Sallyport, a self-hosted identity gateway for MCP.',
    license,
    type: 'module',
    bin: { sallyport: 'dist/main.js' },
    files: ['dist', 'THIRD-PARTY-LICENSES'],
    engines,
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), licencesOf(packages));
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  cpSync(join(root, 'docs/cli.md'), join(folder, 'README.md'));
  const destination = resolve(process.env['INIT_CWD'] ?? root, args[0] ?? '.');
  mkdirSync(destination, { recursive: true });
  const [npm, ...npmArgs] = npmCommand(process.env);
  const pack = [...npmArgs, 'pack', folder, '--ignore-scripts', '--loglevel=error', '--pack-destination', destination];
  await mustRun(npm, pack, process.env, quietly);
  process.stdout.write(`${join(destination, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)}\n`);
}
