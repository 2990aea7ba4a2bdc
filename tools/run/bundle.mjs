import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** @typedef {import('rolldown').OutputOptions} OutputOptions */

/**
 * Bundles a built program with all that it stands on. What comes of it needs Node.js alone.
 * @param {string} root @param {string} entry a file of a `dist` folder, from the root @param {OutputOptions} output
 * @param {(string | RegExp)[]} [external] packages that are not bundled
 * @returns {Promise<string[]>} the folders of the packages of others that are inside
 */
export async function bundle(root, entry, output, external = []) {
  const build = await rolldown({
    input: join(root, entry),
    cwd: root,
    platform: 'node',
    external,
    logLevel: 'warn',
    checks: { pluginTimings: false, eval: false }, // a package that warns of what is deprecated
    plugins: [mapsOfTheCompiler, httpAsItIs],
  });
  const written = await build.write({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    ...output,
  });
  await build.close();
  const modules = written.output.flatMap((one) => (one.type === 'chunk' ? one.moduleIds : []));
  const folders = modules.flatMap((id) => /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []);
  return [...new Set(folders)].toSorted();
}

/**
 * Reads our modules with the source maps that the compiler wrote, so that a map of the bundle leads to TypeScript.
 * @type {import('rolldown').Plugin}
 */
const mapsOfTheCompiler = {
  name: 'maps of the compiler',
  load(id) {
    if (id.includes('/node_modules/') || !id.endsWith('.js')) return null;
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') };
  },
};

/**
 * An `import` of `node:http` reads all that it exports, and one of these is a getter that loads Node's own copy of undici.
 * @type {import('rolldown').Plugin}
 */
const httpAsItIs = {
  name: 'http as it is',
  resolveId: (id) => (/^(?:node:)?http$/.test(id) ? HTTP : null),
  load: (id) => (id === HTTP ? { code: "module.exports = process.getBuiltinModule('node:http');" } : null),
};
const HTTP = '\0node:http.cjs';
