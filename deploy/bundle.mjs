// Bundles one service for its image, if it is one that is bundled; the image then needs no packages. Everything is
// compiled by then.
//   node deploy/bundle.mjs gateway /product
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { bundle } from '../tools/run/bundle.mjs';
import { licencesOf } from '../tools/run/licences.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The other services load clients of key management services by name, where an operator installed one. */
const bundled = ['gateway', 'cli'];

/**
 * Leaves in `service` what `collectProduct` does for other services, and the licences of what is inside.
 * @param {string} app @param {string} target
 */
async function bundleService(app, target) {
  const service = resolve(target, 'service');
  const dist = join(service, 'dist');
  const packages = await bundle(root, `apps/${app}/dist/main.js`, {
    dir: dist,
    comments: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
    // As if the folders of the repository were beside `service`: stacks name files as the repository has them.
    sourcemapPathTransform: (source) => relative(dist, join(target, relative(root, resolve(dist, source)))),
    codeSplitting: { groups: [{ name: PACKAGES, test: LOADED_AT_START }] },
    plugins: [shortMaps, asOneByteText],
  });
  const { name, version, license, type } = JSON.parse(readFileSync(join(root, 'apps', app, 'package.json'), 'utf8'));
  mkdirSync(service, { recursive: true });
  writeFileSync(join(service, 'package.json'), `${JSON.stringify({ name, version, license, type }, null, 2)}\n`);
  writeFileSync(join(service, 'THIRD-PARTY-LICENSES'), licencesOf(packages));
  cpSync(join(root, 'LICENSE'), join(service, 'LICENSE'));
}

/** What others wrote, in a file of its own, but for what sends traces: that is loaded where traces are on. */
const PACKAGES = 'packages';
const LOADED_AT_START =
  /\/node_modules\/(?!@opentelemetry\/(?:context-async-hooks|exporter-trace-|otlp-|sdk-trace|sdk-logs))/;

/**
 * Node keeps each map that a file names, and parses all of it for the first stack that goes through the file. So ours say
 * of each line where it is from, and not of each word; those of packages are left out: their functions have the names
 * that their authors published.
 * @type {import('rolldown').Plugin}
 */
const shortMaps = {
  name: 'short maps',
  generateBundle(_, files) {
    for (const file of Object.values(files)) {
      if (file.type === 'chunk' && file.name === PACKAGES) {
        file.code = file.code.replace(/^\/\/# sourceMappingURL=.*$/m, '');
        delete files[`${file.fileName}.map`];
      } else if (file.type === 'asset' && file.fileName.endsWith('.map')) {
        const map = JSON.parse(String(file.source));
        const lines = decode(map.mappings).map((words) => words.slice(0, 1));
        file.source = JSON.stringify({ ...map, names: [], mappings: encode(lines) });
      }
    }
  },
};

/**
 * V8 keeps the text of what it runs: two bytes for each character of a file that has one beyond Latin-1.
 * @type {import('rolldown').Plugin}
 */
const asOneByteText = {
  name: 'as one-byte text',
  generateBundle(_, files) {
    for (const file of Object.values(files))
      if (file.type === 'chunk')
        file.code = file.code.replace(
          /[^\0-\x7f]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
  },
};

const [app, target] = process.argv.slice(2);
if (app === undefined || target === undefined) throw new Error('usage: node deploy/bundle.mjs <app> <folder>');
if (bundled.includes(app)) await bundleService(app, target);
