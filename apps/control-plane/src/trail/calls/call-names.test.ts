import { expect, test } from 'vitest';
import { CallNames } from './call-names.js';

const agent = 'https://agent.example/client.json';

test('of the tools that agents make up so many are counted apart, of each server, and others together (S33)', () => {
  const names = new CallNames();
  const toolsOf = (server: string, prefix: string) =>
    new Set(Array.from({ length: 300 }, (_, i) => names.of({ clientId: agent, server, tool: `${prefix}${i}` }).tool));
  expect(toolsOf('notes', 'a').size).toBe(201);
  expect(toolsOf('notes', 'b')).toEqual(new Set(['*']));
  expect(toolsOf('other', 'b').size).toBe(201);
  expect(names.of({ server: 'notes', tool: 'a7' })).toEqual({ clientId: '', server: 'notes', tool: 'a7' });
  names.clear();
  expect(toolsOf('notes', 'b').size).toBe(201);
});

test('agents and servers are bounded, too, and what is longer than a key may be is none of them (S33)', () => {
  const names = new CallNames();
  const all = Array.from({ length: 700 }, (_, i) => names.of({ clientId: `c${i}`, server: `s${i}`, tool: 't' }));
  expect(new Set(all.map(({ clientId }) => clientId)).size).toBe(501);
  expect(new Set(all.map(({ server }) => server)).size).toBe(501);
  const long = 'ä'.repeat(401);
  expect(new CallNames().of({ clientId: long, server: long, tool: long })).toEqual({
    clientId: '*',
    server: '*',
    tool: '*',
  });
});
