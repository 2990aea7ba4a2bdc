import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { become, CommandFailed } from './process.mjs';

const oldestBootstrap = 20;
const runtime = 24;

/** @param {string} version e.g. `v24.21.0` */
export const majorOf = (version) => Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0);

/** @param {string} version of the Node that started us */
export function refuseOldNode(version) {
  if (majorOf(version) < oldestBootstrap) {
    throw new CommandFailed(
      `Sallyport needs Node.js ${oldestBootstrap} or newer to install itself (this is ${version}). Install a current Node.js from https://nodejs.org and try again.`,
    );
  }
}

/**
 * What to do once everything is installed: npm brings a Node binary on Linux and Windows, elsewhere one's own must do.
 * @param {{ current: string, version: string, pinned: string | null }} node real paths; `pinned` null when npm brought none
 * @returns {'stay' | 'switch' | 'refuse'}
 */
export function chooseNode({ current, version, pinned }) {
  if (pinned !== null) return pinned === current ? 'stay' : 'switch';
  return majorOf(version) >= runtime ? 'stay' : 'refuse';
}

/** @param {string} path */
const realpathOrNull = (path) => (existsSync(path) ? realpathSync(path) : null);

/** Starts this same command over on the pinned Node unless it is running us already. @param {string} root */
export async function continueOnPinnedNode(root) {
  const link = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const pinned = realpathOrNull(link);
  process.env['PATH'] = [dirname(link), process.env['PATH']].join(delimiter); // for the programs in node_modules/.bin
  switch (
    chooseNode({ current: realpathOrNull(process.execPath) ?? process.execPath, version: process.version, pinned })
  ) {
    case 'stay':
      return;
    case 'switch':
      return become(/** @type {string} */ (pinned), process.argv.slice(1));
    case 'refuse':
      throw new CommandFailed(
        `Sallyport runs on Node.js ${runtime} or newer, and npm carries no Node.js for ${process.platform} (this is ${process.version}). Install Node.js ${runtime} from https://nodejs.org and try again.`,
      );
  }
}
