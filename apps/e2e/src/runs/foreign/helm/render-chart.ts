import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '@sallyport/testing';
import { parse, parseAllDocuments } from 'yaml';

export type Values = Readonly<Record<string, unknown>>;

/** What Helm makes of the chart: the resources by `<kind>/<name>`, without the release at the beginning of the name. */
export type Rendered = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export const RELEASE = 'sallyport';
export const chartFolder = join(repositoryRoot, 'deploy', 'helm', 'sallyport');

/** Helm is built without a version of Kubernetes to render for. */
export const KUBERNETES = { oldest: '1.28.0', newest: '1.37.0' };

/**
 * Renders the chart by Helm itself.
 * @param helm the program
 * @throws Error with what Helm says
 */
export async function renderText(helm: string, values: Values, kubernetes = KUBERNETES.newest): Promise<string> {
  const args = ['template', RELEASE, chartFolder, '--namespace', 'mcp', '--kube-version', kubernetes, '--values', '-'];
  const running = promisify(execFile)(helm, args, { maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.end(JSON.stringify(values));
  return (await running).stdout;
}

export function resourcesOf(text: string): Rendered {
  const documents = parseAllDocuments(text).flatMap((document) => {
    const resource = document.toJSON() as Record<string, unknown> | null;
    return resource === null ? [] : [resource];
  });
  return new Map(
    documents.map((resource) => {
      const name = String(at(resource, '/metadata/name'));
      return [
        `${String(resource['kind'])}/${name.startsWith(`${RELEASE}-`) ? name.slice(RELEASE.length + 1) : name}`,
        resource,
      ];
    }),
  );
}

/** What is at a JSON pointer; in a list, the name of an item is a place as well. `undefined` where nothing is. */
export function at(node: unknown, pointer: string): unknown {
  let inside = node;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    inside = Array.isArray(inside)
      ? /^\d+$/.test(key)
        ? (inside as unknown[])[Number(key)]
        : (inside as { name?: string }[]).find(({ name }) => name === key)
      : isMap(inside)
        ? inside[key]
        : undefined;
  }
  return inside;
}

/** Values with others laid over them, maps into maps. */
export function overlaid(values: Values, more: Values): Values {
  const both = Object.entries(more).map(([name, value]) => {
    const below = values[name];
    return [name, isMap(below) && isMap(value) ? overlaid(below, value) : value] as const;
  });
  return { ...values, ...Object.fromEntries(both) };
}

/** `{ a: { b: value } }` for `a.b`. */
export const nested = (path: string, value: unknown): Values =>
  path.split('.').reduceRight<unknown>((inside, name) => ({ [name]: inside }), value) as Values;

/** The names of all values that values.yaml has a default for. A map that users fill as they like is one of them. */
export function valueNames(valuesYaml: string): string[] {
  const asTheyLike = /(^|\.)(annotations|gatewayAnnotations|labels|nodeSelector|resources|podSecurityContext)$/;
  const namesIn = (prefix: string, map: Values): string[] =>
    Object.entries(map).flatMap(([name, value]) => {
      const path = `${prefix}${name}`;
      const isOne = !isMap(value) || Object.keys(value).length === 0 || asTheyLike.test(path);
      return isOne ? [path] : namesIn(`${path}.`, value);
    });
  return namesIn('', parse(valuesYaml) as Values);
}

export const isMap = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
