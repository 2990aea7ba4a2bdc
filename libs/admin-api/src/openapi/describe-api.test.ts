import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { PERMISSIONS, routes, type Route } from '../index.js';
import { describeApi } from './index.js';

const description = describeApi({ version: '1.2.3', url: 'https://control.example' });
const all = Object.entries<Route>(routes);
const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test('the description of the API is valid OpenAPI 3.1, and every reference in it leads somewhere', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(description) as never);
  expect(result).toMatchObject({ valid: true });
  expect(validator.version).toBe('3.1');
  expect(validator.resolveRefs()).toBeDefined();
  const references = [...JSON.stringify(description).matchAll(/"\$ref":"([^"]*)"/g)].map(([, to = '']) => to);
  expect(references.length).toBeGreaterThan(0);
  for (const to of references) {
    expect(to).toMatch(/^#\/components\/schemas\//);
    expect(description.components.schemas).toHaveProperty([to.split('/').at(-1) ?? '']);
  }
});

test('a description that is wrong is found out', async () => {
  const wrong = { get: { responses: { twohundred: {} } } };
  const broken = { ...structuredClone(description), paths: { '/v1/events': wrong } };
  expect(await new Validator().validate(broken as never)).toMatchObject({ valid: false });
});

test('it has every route, with its permission and its parameters, and no other', () => {
  expect(
    operations
      .map(({ path, method, operation }) => `${operation.operationId} ${method} ${path} ${operation['x-permission']}`)
      .toSorted(),
  ).toEqual(
    all
      .map(
        ([name, { method, path, permission }]) =>
          `${name} ${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')} ${permission}`,
      )
      .toSorted(),
  );
  for (const { path, operation } of operations)
    expect(
      (operation.parameters ?? []).filter(({ in: where }) => where === 'path').map(({ name }) => name),
      operation.operationId,
    ).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
});

test('it says of every operation how it answers and refuses, and who may ask', () => {
  for (const { operation } of operations) {
    const statuses = Object.keys(operation.responses);
    expect(statuses.some((status) => status.startsWith('2'))).toBe(true);
    expect(statuses).toEqual(expect.arrayContaining(['401', '403', '503']));
    expect(operation.security).toEqual([{ administrator: [] }]);
    expect(operation['x-roles']).toEqual(PERMISSIONS[operation['x-permission'] as keyof typeof PERMISSIONS]);
    expect(operation['x-roles']).toContain('owner');
  }
});

test('it says what a kind of document is, and what each field of it is for', () => {
  expect(description.components.schemas['McpServer']).toMatchObject({
    description: 'A server behind the gateway.',
    properties: { spec: { properties: { timeout: { description: 'How long a call may take; at most 1h.' } } } },
  });
});
