// Copies what one service runs on to a folder: its own build, the libs its node_modules link to, and those packages.
//   node deploy/collect-product.mjs gateway /product
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scope = '@sallyport/';

/** Folder of an internal package, relative to the root. @param {string} name */
const folderOf = (name) => relative(root, realpathSync(join(root, 'node_modules', name)));

/** The app and every internal package it stands on. @param {string} name @param {Set<string>} [seen] */
export function closure(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, folderOf(name), 'package.json'), 'utf8'));
  for (const dependency of Object.keys(dependencies).filter((each) => each.startsWith(scope)))
    closure(dependency, seen);
  return seen;
}

/** @param {string} app @param {string} target */
export function collectProduct(app, target) {
  mkdirSync(target, { recursive: true });
  const names = closure(`${scope}${app}`);
  cpSync(join(root, 'node_modules'), join(target, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) =>
      !path.startsWith(join(root, 'node_modules', scope)) &&
      !path.includes('/node_modules/.bin/') &&
      !path.includes('/node_modules/.cache/'),
  });
  mkdirSync(join(target, 'node_modules', scope), { recursive: true });
  for (const name of names) {
    const folder = folderOf(name);
    for (const part of ['package.json', 'dist', 'node_modules']) {
      const from = join(root, folder, part);
      if (existsSync(from))
        cpSync(from, join(target, folder, part), {
          recursive: true,
          verbatimSymlinks: true,
          filter: (path) => !/\.(d\.ts|d\.ts\.map|tsbuildinfo)$/.test(path) || path.includes('/node_modules/'),
        });
    }
    symlinkSync(join('..', '..', folder), join(target, 'node_modules', name));
  }
  symlinkSync(join('apps', app), join(target, 'service'));
  if (names.has(`${scope}database`)) {
    cpSync(join(root, 'prisma', 'migrations'), join(target, 'prisma', 'migrations'), { recursive: true });
    cpSync(join(root, 'deploy', 'migrate.mjs'), join(target, 'migrate.mjs'));
  }
  if (app === 'control-plane')
    cpSync(join(root, 'deploy', 'kubernetes-secrets.mjs'), join(target, 'kubernetes-secrets.mjs'));
  for (const left of readdirSync(target).filter((name) => name.startsWith('.')))
    rmSync(join(target, left), { recursive: true });
}

const [app, target] = process.argv.slice(2);
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (app === undefined || target === undefined)
    throw new Error('usage: node deploy/collect-product.mjs <app> <folder>');
  collectProduct(app, target);
}
