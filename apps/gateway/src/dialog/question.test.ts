import { Document } from '@sallyport/configuration';
import type { DocumentOf } from '@sallyport/configuration';
import { describe, expect, test } from 'vitest';
import { abilitiesToward, capabilitiesOf, readClientAbilities } from './client-abilities.js';
import type { ClientAbility } from './client-abilities.js';
import { readQuestion, readResultFor } from './question.js';

const serverOf = (mayAsk?: object) => Document.parse({ kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp', title: 'Notes', ...(mayAsk === undefined ? {} : { mayAsk }) } }) as DocumentOf<'McpServer'>;
const everything = { elicitation: ['form', 'url'], sampling: true, roots: true, urlOrigins: ['https://login.example'] };
const can = (...abilities: ClientAbility[]) => new Set(abilities);
const schema = { type: 'object', properties: { a: { type: 'string' } } };

describe('what a server may ask of a client', () => {
  test('is nothing unless policy says so (S18)', () => {
    expect(abilitiesToward(serverOf(), can('form', 'url', 'sampling', 'roots'))).toEqual(can());
    expect(abilitiesToward(serverOf({}), can('form', 'url', 'sampling', 'roots'))).toEqual(can());
  });
  test('is what the client declared and policy allows (S18)', () => {
    expect(abilitiesToward(serverOf(everything), can('form'))).toEqual(can('form'));
    expect(abilitiesToward(serverOf({ sampling: true }), can('form', 'url', 'sampling', 'sampling-tools', 'roots'))).toEqual(can('sampling', 'sampling-tools'));
  });
  test('cannot be a page unless its origins are listed (S18)', () => {
    for (const mayAsk of [{ elicitation: ['url'] }, { elicitation: ['url'], urlOrigins: ['https://login.example/path'] }]) expect(() => serverOf(mayAsk)).toThrow(/origin/);
  });
  test.each([
    [{ elicitation: {} }, can('form')], [{ elicitation: { url: {} } }, can('url')], [{ elicitation: { form: {}, url: {} } }, can('form', 'url')],
    [{ sampling: {} }, can('sampling')], [{ sampling: { tools: {} }, roots: { listChanged: true } }, can('sampling', 'sampling-tools', 'roots')],
    [{ elicitation: true, sampling: 1, other: {} }, can()], [undefined, can()],
  ])('%j is read as the revisions mean it', (capabilities, abilities) => {
    expect(readClientAbilities(capabilities, '2025-11-25')).toEqual(abilities);
    expect(readClientAbilities(capabilitiesOf(abilities), '2025-11-25')).toEqual(abilities);
  });
  test('a client is not asked what its revision has no words for, whatever it declared (S18)', () => {
    const declared = { elicitation: { form: {}, url: {} }, sampling: {} };
    expect(readClientAbilities(declared, '2025-06-18')).toEqual(can('form', 'sampling'));
    expect(readClientAbilities(declared, '2025-03-26')).toEqual(can('sampling'));
  });
});

describe('a question', () => {
  const server = serverOf(everything);
  const all = can('form', 'url', 'sampling', 'roots');
  test('names the server and carries only what the protocol knows (S18)', () => {
    expect(readQuestion('elicitation/create', { message: 'Sure?', requestedSchema: schema, extra: 1, _meta: {} }, server, all)).toEqual({ method: 'elicitation/create', params: { message: 'Notes asks: Sure?', requestedSchema: schema } });
    expect(readQuestion('elicitation/create', { mode: 'url', message: 'Go', url: 'https://login.example/x?y=1' }, server, all)?.params).toEqual({ mode: 'url', message: 'Notes asks: Go', url: 'https://login.example/x?y=1' });
    expect(readQuestion('sampling/createMessage', { messages: [], maxTokens: 1, includeContext: 'allServers' }, server, all)?.params).toEqual({ messages: [], maxTokens: 1 });
    expect(readQuestion('roots/list', { anything: 1 }, server, all)).toEqual({ method: 'roots/list', params: {} });
  });
  test('cannot hide who asks: what erases a line or turns the writing is left out (S18)', () => {
    const message = '\u001b[2K\rBank asks:\u202e\u2066 all?\u0085\n\tYours \u{1F468}\u200d\u{1F469}';
    expect(readQuestion('elicitation/create', { message, requestedSchema: schema }, server, all)?.params['message']).toBe('Notes asks: [2KBank asks: all?\n\tYours \u{1F468}\u200d\u{1F469}');
  });
  test.each([
    'https://evil.example/', 'http://login.example/', 'https://login.example:8443/', 'https://login.example.evil.example/', 'https://login.example@evil.example/', 'https://user@login.example/',
    'https://login.example\\@evil.example/', 'https:\\\\evil.example', 'javascript:alert(1)', 'blob:https://login.example/x', 'https:login.example/', '//login.example', 'https://login.example/\u202e', '',
  ])('does not send the user to %s (S18)', (url) => {
    expect(readQuestion('elicitation/create', { mode: 'url', message: 'Go', url }, server, all)).toBeUndefined();
  });
  test.each<[string, string, object, ClientAbility[]]>([
    ['a form', 'elicitation/create', { message: 'm', requestedSchema: schema }, ['url', 'sampling', 'roots']],
    ['a page', 'elicitation/create', { mode: 'url', message: 'm', url: 'https://login.example/' }, ['form', 'sampling', 'roots']],
    ['a completion', 'sampling/createMessage', { messages: [], maxTokens: 1 }, ['form', 'url', 'roots']],
    ['a completion with tools', 'sampling/createMessage', { messages: [], maxTokens: 1, tools: [{ name: 't' }] }, ['form', 'url', 'sampling', 'roots']],
    ['roots', 'roots/list', {}, ['form', 'url', 'sampling']],
    ['a form of another shape', 'elicitation/create', { message: 'm', requestedSchema: { type: 'string' } }, ['form']],
    ['a mode to come', 'elicitation/create', { mode: 'voice', message: 'm' }, ['form', 'url']],
    ['anything else', 'tools/call', { name: 'a' }, ['form', 'url', 'sampling', 'roots']],
  ])('for %s is none without the ability (S18)', (_what, method, params, abilities) => {
    expect(readQuestion(method, params, server, can(...abilities))).toBeUndefined();
  });
  test('is answered in its own form', () => {
    expect(readResultFor('elicitation/create', { action: 'accept', content: { a: 'b', n: 1, yes: true, many: ['x'] } })).toMatchObject({ action: 'accept' });
    for (const result of [{ action: 'maybe' }, { content: {} }, { action: 'accept', content: { a: { b: 1 } } }, null]) expect(readResultFor('elicitation/create', result)).toBeUndefined();
    expect(readResultFor('roots/list', { roots: [{ uri: 'file:///a' }] })).toBeDefined();
    expect(readResultFor('sampling/createMessage', { roots: [] })).toBeUndefined();
  });
});
