import { dirname, join, relative } from 'node:path';
import type { Project } from './workspace.js';

/**
 * The folders of a project, from the ground up: none imports from one above it. The files beside the folders put the
 * project together and stand on top.
 */
const layers: Readonly<Record<string, readonly string[]>> = {
  '@sallyport/gateway': [
    'protocol',
    'session',
    'replicas',
    'outbound',
    'call',
    'conversation',
    'operations',
    'request-path',
    'http',
    'start',
    'troubleshooting',
  ],
};

/** Imports from a layer above, and folders that are none of the layers. Tests may look at what they like. */
export function upwardImports(project: Project): string[] {
  const order = layers[project.name];
  if (order === undefined) return [];
  const source = join(project.root, 'src');
  const layerOf = (path: string): string => relative(source, dirname(path)).split('/')[0] ?? '';
  const heightOf = (layer: string): number => (layer === '' ? order.length : order.indexOf(layer));
  const strays = new Set(
    project.files
      .filter(({ isTest }) => !isTest)
      .map(({ path }) => layerOf(path))
      .filter((layer) => heightOf(layer) === -1),
  );
  const upward = project.imports
    .filter(({ inTest, packageName }) => !inTest && packageName === null)
    .map(({ file, specifier }) => ({ file, from: layerOf(file), to: layerOf(join(dirname(file), specifier)) }))
    .filter(({ from, to }) => heightOf(to) > heightOf(from) && !isPutTogether(from, to))
    .map(({ file, to }) => `${file} imports from ${to === '' ? 'the top' : to}`);
  return [...[...strays].map((layer) => `${layer} is none of its layers`), ...new Set(upward)];
}

/** What starts the project shares the top with the files beside the folders: its configuration is one of them. */
const isPutTogether = (from: string, to: string): boolean => from === 'start' && to === '';
