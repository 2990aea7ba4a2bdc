import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Controller, Get, type Type } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { routes } from '@sallyport/admin-api';
import { AdministratorRole } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { CONTROL_PLANE_URL } from '../browser-session/session.controller.js';
import { accessOf, Open, Permitted, type Access } from './access.js';
import type { Administrator } from './administrators.js';
import { guardByPermission, type PermissionGuard } from './permission-guard.js';
import type { AdministrationRequest } from './record-administration.js';

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

/** Knows tokens that are called like the roles they have: `Bearer viewer+auditor`. */
const administrators: PermissionGuard['administrators'] = {
  identify: (authorization = '') => {
    const shown = /^Bearer (.+)$/.exec(authorization)?.[1];
    if (shown === undefined) return Promise.resolve({ ok: false, reason: 'missing' });
    if (shown === 'stale') return Promise.reject(new SallyportError('configuration_stale', 'too old'));
    const roles = AdministratorRole.array().safeParse(shown === 'none' ? [] : shown.split('+'));
    return Promise.resolve(
      roles.success
        ? { ok: true, administrator: { actor: { type: 'user', id: 'usr_1' }, roles: roles.data } }
        : { ok: false, reason: shown === 'keyless' ? 'keys_unavailable' : 'signature' },
    );
  },
};

test('a route is refused that declares nothing, and one that needs a permission to whoever has none (R28, S29)', async () => {
  const written: string[] = [];
  const write = (what: string) => (_by: Administrator, request: AdministrationRequest) => {
    written.push(`${what} ${request.method} ${request.route}`);
    return Promise.resolve();
  };
  const guard: PermissionGuard = {
    administrators,
    records: { asked: write('asked'), refused: write('refused') },
    resourceMetadataUrl: 'https://control.example/.well-known/oauth-protected-resource/v1',
  };
  const app = await appOf([Probe], (server) => guardByPermission(server, guard));
  const answered = (url: string, authorization?: string) =>
    app.inject({ method: 'GET', url, headers: authorization === undefined ? {} : { authorization } });
  const ask = async (url: string, authorization?: string) => (await answered(url, authorization)).statusCode;
  expect([await ask('/forgotten'), await ask('/forgotten', 'Bearer owner')]).toEqual([403, 403]);
  expect([await ask('/page'), await ask('/page', 'Bearer wrong')]).toEqual([200, 200]);
  expect([await ask('/events', 'Bearer stale'), await ask('/events', 'Bearer keyless')]).toEqual([503, 503]);
  expect(await ask('/none')).toBe(404);
  expect(written).toEqual([]);

  expect((await answered('/events')).headers['www-authenticate']).toBe(
    `Bearer resource_metadata="${guard.resourceMetadataUrl}"`,
  );
  expect((await answered('/events', 'Bearer wrong')).headers['www-authenticate']).toBe(
    `Bearer resource_metadata="${guard.resourceMetadataUrl}", error="invalid_token"`,
  );
  const refused = await answered('/events', 'Bearer viewer+policy-author');
  expect([refused.statusCode, refused.json()]).toMatchObject([
    403,
    {
      type: 'urn:sallyport:problem:not-permitted',
      permission: 'events:read',
      roles: ['owner', 'operator', 'auditor'],
      detail:
        'This needs the permission events:read, which the role owner or operator or auditor gives. ' +
        'You are viewer and policy-author.',
    },
  ]);
  expect([await ask('/events', 'Bearer none'), await ask('/events', 'Bearer auditor')]).toEqual([403, 200]);
  expect(written).toEqual(['refused GET /events', 'refused GET /events', 'asked GET /events']);
  await app.close();
});
