import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waysInOf } from '@sallyport/testing';
import { expect, test } from 'vitest';

const root = process.cwd();
const sourceOf = (app: string, pattern: string) =>
  globSync(`apps/${app}/src/${pattern}`, { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'));
/** A constant, where a route is not written out. */
const CONSTANTS = new Map([
  ['CLIENT_METADATA_PATH', 'oauth/client-metadata.json'],
  ['REVOCATION_PATH', '/revoke'],
  ['INTROSPECTION_PATH', '/introspect'],
]);

function routesOf(app: string): string[] {
  return sourceOf(app, '**/*.controller.ts').flatMap((source) => {
    const base = /@Controller\('([^']*)'\)/.exec(source)?.[1] ?? '';
    const http = [...source.matchAll(/@(Get|Post|Put|Delete|Patch|All|Head|Options)\(([^)]*)\)/g)].map(
      ([, verb = '', argument = '']) => {
        const path = CONSTANTS.get(argument) ?? argument.replaceAll("'", '');
        return `${verb.toUpperCase()} /${[base, path].filter((part) => part !== '').join('/')}`;
      },
    );
    return [
      ...http,
      ...[...source.matchAll(/@(?:Message|Event)Pattern\(subjects\.(\w+)\)/g)].map(
        ([, subject = '']) => `BUS ${subject}`,
      ),
    ];
  });
}
/** What the OAuth engine answers itself: authorization takes `GET`, the others `POST`. */
function engineRoutes(): string[] {
  const [routes = ''] = sourceOf('authorization-server', 'engine/create-engine.ts').flatMap(
    (source) => /routes: \{([^}]*)\}/.exec(source)?.[1] ?? [],
  );
  return [...routes.matchAll(/(\w+): (?:'([^']+)'|(\w+))/g)].flatMap(([, name, path, constant = '']) => {
    const route = path ?? CONSTANTS.get(constant) ?? constant;
    if (name === 'jwks') return []; // not published: `GET /jwks` is
    return `${name === 'authorization' ? 'GET' : 'POST'} ${route}`;
  });
}
const listed = (service: Parameters<typeof waysInOf>[0]) =>
  waysInOf(service)
    .map(({ method, path }) => `${method} ${path}`)
    .toSorted();

test('every way into the authorization server is in docs/ways-in.md, with who may come (R28)', () => {
  expect(listed('Authorization server')).toEqual([...routesOf('authorization-server'), ...engineRoutes()].toSorted());
});

test('every way into the control plane is in docs/ways-in.md, with who may come (R28)', () => {
  expect(listed('Control plane')).toEqual(routesOf('control-plane').toSorted());
});
