import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailed, quietly, run } from './process.mjs';

/** @typedef {{ version?: string, integrity?: string, link?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean }} LockedPackage */
/** @typedef {{ packages: Record<string, LockedPackage> }} Lock */

/** @param {string | Buffer} content */
export const digest = (content) => createHash('sha256').update(content).digest('hex');

/**
 * Whether what npm says it installed is what the lock file asks for. Optional packages may be missing (they are for
 * another platform), but not in another version.
 * @param {Lock} wanted package-lock.json @param {Lock} installed node_modules/.package-lock.json, which npm writes last
 */
export function satisfiesLock(wanted, installed) {
  const surplus = Object.keys(installed.packages).some((path) => !(path in wanted.packages));
  return (
    !surplus &&
    Object.entries(wanted.packages).every(([path, entry]) => {
      if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true;
      const present = installed.packages[path];
      if (present === undefined) return entry.optional === true || entry.devOptional === true || entry.peer === true;
      return present.version === entry.version && present.integrity === entry.integrity && present.link === entry.link;
    })
  );
}

/**
 * What is installed: all of package-lock.json, or what it takes to run the product from a clone, without what only tests
 * and clients of key management services need.
 * @typedef {'everything' | 'product'} Extent
 */

/** @type {Record<Extent, readonly string[]>} */
const FLAGS = {
  everything: [],
  product: [
    '--omit=dev',
    '--include-workspace-root',
    ...['standalone', 'demo', 'cli'].map((app) => `--workspace=@sallyport/${app}`),
  ],
};

/** What the stamp says; one of an earlier version is a digest alone. @param {string} text */
export function readStamp(text) {
  const words = text.split(' ');
  return { digest: words.at(-1), extent: /** @type {Extent} */ (words.length === 2 ? words[0] : 'everything') };
}

/**
 * Runs `npm ci` when node_modules is not what package-lock.json says. The stamp spares reading both lock files on every
 * start; npm's own record is still asked for, because npm removes it first and writes it last. Where everything was
 * installed once, everything is kept.
 * @param {string} root @param {Extent} wanted
 */
export async function ensureInstalled(root, wanted) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const record = join(root, 'node_modules', '.package-lock.json');
  const stamp = join(root, 'node_modules', '.sallyport-lock');
  const current = digest(lock);
  const stamped = existsSync(stamp) ? readStamp(readFileSync(stamp, 'utf8')) : undefined;
  if (existsSync(record)) {
    if (stamped?.digest === current && (stamped.extent === 'everything' || wanted === 'product')) return;
    if (satisfiesLock(JSON.parse(lock.toString('utf8')), JSON.parse(readFileSync(record, 'utf8')))) {
      writeFileSync(stamp, `everything ${current}`);
      return;
    }
  }
  process.stderr.write('Installing dependencies (npm ci), once ...\n'); // stdout may be a program's own
  const [npm, ...npmArgs] = npmCommand(process.env);
  const extent = stamped?.extent === 'everything' ? 'everything' : wanted;
  const flags = ['--no-audit', '--no-fund', '--loglevel=error', ...FLAGS[extent]];
  const code = await run(npm, [...npmArgs, 'ci', ...flags], process.env, quietly);
  if (code !== 0) throw new CommandFailed('npm ci failed, see above.', code);
  writeFileSync(stamp, `${extent} ${current}`);
}

/**
 * The npm that is running us, on the Node that npm itself runs on: `npm ci` replaces node_modules, where ours may live.
 * @param {NodeJS.ProcessEnv} env
 * @returns {[string, ...string[]]}
 */
export function npmCommand(env) {
  const cli = env['npm_execpath'];
  const node = env['npm_node_execpath'];
  if (cli !== undefined && node !== undefined && cli.endsWith('npm-cli.js')) return [node, cli];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}
