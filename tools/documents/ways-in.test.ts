import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { routes } from '@sallyport/admin-api';
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
  ['DEVICE_AUTHORIZATION_PATH', '/device/auth'],
  ['DEVICE_PATH', '/device'],
]);

function routesOf(app: string): string[] {
  const http = sourceOf(app, '**/*.controller.ts').flatMap((source) => {
    const base = /@Controller\('([^']*)'\)/.exec(source)?.[1] ?? '';
    const written = [...source.matchAll(/@(Get|Post|Put|Delete|Patch|All|Head|Options)\(([^)]*)\)/g)].map(
      ([, verb = '', argument = '']) => {
        const path = CONSTANTS.get(argument) ?? argument.replaceAll("'", '');
        return `${verb.toUpperCase()} /${[base, path].filter((part) => part !== '').join('/')}`;
      },
    );
    const served = [...source.matchAll(/@Serve\(routes\.(\w+)\)/g)].map(([, name = '']) => {
      const { method, path } = routes[name as keyof typeof routes];
      return `${method} ${path}`;
    });
    return [...written, ...served];
  });
  return [...http, ...subjectsServedBy(app)];
}
/** The keys of its tables of handlers, `[subjects.lease]: …`, and what is served one by one. */
function subjectsServedBy(app: string): string[] {
  const product = globSync(`apps/${app}/src/**/*.ts`, { cwd: root }).filter(
    (file) => !/\.test\.ts$|\/test(ing)?\//.test(file),
  );
  return product
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .flatMap((source) => [...source.matchAll(/\[subjects\.(\w+)\]:|\.serve\(\s*subjects\.(\w+)/g)])
    .map(([, inTable, alone]) => `BUS ${inTable ?? alone ?? ''}`);
}
/** What the OAuth engine answers itself: authorization takes `GET`, a page both, the others `POST`. */
function engineRoutes(): string[] {
  const [routes = ''] = sourceOf('authorization-server', 'engine/configuration/routes.ts').flatMap(
    (source) => /routes = \{([^}]*)\}/.exec(source)?.[1] ?? [],
  );
  return [...routes.matchAll(/(\w+): (?:'([^']+)'|(\w+))/g)].flatMap(([, name, path, constant = '']) => {
    const route = path ?? CONSTANTS.get(constant) ?? constant;
    if (name === 'jwks') return []; // not published: `GET /jwks` is
    if (name === 'code_verification') return [`GET ${route}`, `POST ${route}`, `GET ${route}/:uid`];
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
  expect(listed('Control plane')).toEqual(
    expect.arrayContaining(Object.values(routes).map(({ method, path }) => `${method} ${path}`)),
  );
});
