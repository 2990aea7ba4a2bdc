import { expect, test } from 'vitest';
import { z } from 'zod';
import { routes, type Route } from './index.js';

const all: readonly (readonly [string, Route])[] = Object.entries(routes);

test.each(all)('%s can be described as JSON Schema, parameters as its path has them', (_name, route) => {
  const sent = [route.params, route.query, route.headers, route.body].flatMap((schema) => schema ?? []);
  for (const schema of sent) expect(z.toJSONSchema(schema, { io: 'input' })).toMatchObject({ type: 'object' });
  for (const schema of Object.values(route.answers))
    expect(z.toJSONSchema(schema, { io: 'output' })).toMatchObject({ type: 'object' });
  const parameters = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  expect(Object.keys(route.params?.shape ?? {})).toEqual(parameters);
});

test('no two routes have one method and path', () => {
  const addresses = all.map(([, { method, path }]) => `${method} ${path}`);
  expect(new Set(addresses).size).toBe(addresses.length);
});
