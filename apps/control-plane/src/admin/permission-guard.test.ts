import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Controller, Get, type Type } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { routes } from '@sallyport/admin-api';
import { Secret } from '@sallyport/kernel';
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { CONTROL_PLANE_URL } from '../browser-session/session.controller.js';
import { accessOf, Open, Permitted, type Access } from './access.js';
import { guardByPermission } from './permission-guard.js';

const TOKEN = 'sp_admin_0123456789';

/** An app of these controllers, whose dependencies are empty objects: their routes are registered, and none is asked. */
async function appOf(controllers: Type[], prepare: (server: FastifyInstance) => void): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({ controllers })
    .useMocker((token) => (token === CONTROL_PLANE_URL ? 'https://control.example' : {}))
    .compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  prepare(app.getHttpAdapter().getInstance());
  await app.init();
  return app;
}

test('every route of the control plane declares who may ask it, and the routes of the API their permission (R28)', async () => {
  const files = globSync('**/*.controller.ts', { cwd: join(import.meta.dirname, '..') });
  const modules = await Promise.all(
    files.map(
      (file) =>
        import(pathToFileURL(join(import.meta.dirname, '..', file)).href) as Promise<Readonly<Record<string, unknown>>>,
    ),
  );
  const controllers = modules
    .flatMap((module) => Object.entries(module))
    .flatMap(([name, exported]) => (name.endsWith('Controller') ? [exported as Type] : []));
  const declared: { readonly route: string; readonly access: Access | undefined }[] = [];
  const app = await appOf(controllers, (server) => {
    server.addHook('onRoute', ({ method, url, config }) => {
      if (method !== 'HEAD')
        declared.push({
          route: `${String(method)} ${url}`,
          access: accessOf({ routeOptions: { config } }),
        });
    });
  });
  await app.close();
  expect(controllers).toHaveLength(files.length);
  expect(declared.filter(({ access }) => access === undefined)).toEqual([]);
  expect(
    declared
      .flatMap(({ route, access }) => (access?.type === 'permission' ? [`${route} ${access.permission}`] : []))
      .toSorted(),
  ).toEqual(
    Object.values(routes)
      .map(({ method, path, permission }) => `${method} ${path} ${permission}`)
      .toSorted(),
  );
});

class Probe {
  forgotten() {
    return 'forgotten';
  }
  page() {
    return 'page';
  }
  events() {
    return 'events';
  }
}
Controller()(Probe);
const declare = (name: keyof Probe, ...decorators: MethodDecorator[]) => {
  const descriptor = Object.getOwnPropertyDescriptor(Probe.prototype, name) ?? {};
  for (const decorator of decorators) decorator(Probe.prototype, name, descriptor);
};
declare('forgotten', Get('forgotten'));
declare('page', Get('page'), Open('a page of this test'));
declare('events', Get('events'), Permitted('events:read'));

test('a route is refused that declares nothing, and one that needs a permission to whoever has none (R28)', async () => {
  const app = await appOf([Probe], (server) => guardByPermission(server, new Secret(TOKEN)));
  const ask = async (url: string, authorization?: string) =>
    (await app.inject({ method: 'GET', url, headers: authorization === undefined ? {} : { authorization } }))
      .statusCode;
  const token = `Bearer ${TOKEN}`;
  expect([await ask('/forgotten'), await ask('/forgotten', token)]).toEqual([403, 403]);
  expect([await ask('/page'), await ask('/page', 'Bearer wrong')]).toEqual([200, 200]);
  expect([await ask('/events'), await ask('/events', `${token}x`), await ask('/events', token)]).toEqual([
    401, 401, 200,
  ]);
  expect(await ask('/none')).toBe(404);
  await app.close();
});
