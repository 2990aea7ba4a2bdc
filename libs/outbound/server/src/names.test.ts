import { describe, expect, test } from 'vitest';
import {
  connectToolName,
  publicResourceUri,
  publicName,
  serverResourceUri,
  serverUriTemplate,
  serversThatMayOffer,
} from './index.js';
import type { Naming } from './index.js';
import { publicUriTemplate } from './resource-uri.js';

const server: Naming = { prefix: 'server', longest: 64 };
const never: Naming = { prefix: 'never', longest: 64 };

describe('a tool name', () => {
  test('carries the server as prefix, so names of two servers cannot collide (R57)', () => {
    expect(publicName('notes', 'add_note', server)).toBe('notes__add_note');
    expect(publicName('mail', 'add_note', server)).toBe('mail__add_note');
    expect(connectToolName('notes', server)).toBe('notes__connect');
  });
  test('stays as the server wrote it where the prefix is off (S12)', () => {
    expect(publicName('notes', 'a.b/c', never)).toBe('a.b/c');
  });
  test('that would be too long is cut, carries a digest of the whole and is the same every time (S12)', () => {
    const [first, second] = ['x'.repeat(80), `${'x'.repeat(80)}y`].map((tool) => publicName('notes', tool, server));
    expect(first).toHaveLength(64);
    expect(first).toMatch(/^notes__x+_[0-9a-f]{10}$/);
    expect(second).not.toBe(first);
    expect(publicName('notes', 'x'.repeat(80), server)).toBe(first);
  });
  test('outside the charset is replaced and told apart by its digest (S12)', () => {
    const [dot, slash, umlaut] = ['a.b', 'a/b', 'aäb'].map((tool) => publicName('notes', tool, server));
    expect(new Set([dot, slash, umlaut]).size).toBe(3);
    for (const name of [dot, slash, umlaut]) expect(name).toMatch(/^notes__a_b_[0-9a-f]{10}$/);
  });
  test('fits exactly at 64 characters without a digest (S12)', () => {
    expect(publicName('notes', 'x'.repeat(57), server)).toBe(`notes__${'x'.repeat(57)}`);
    expect(publicName('notes', 'x'.repeat(58), server)).toMatch(/_[0-9a-f]{10}$/);
  });
  test('is never that of our connect tool, whatever the server calls its own (S12)', () => {
    expect(publicName('notes', 'connect', server)).toMatch(/^notes__connect_[0-9a-f]{10}$/);
    expect(publicName('notes', 'notes__connect', never)).toMatch(/^notes__connect_[0-9a-f]{10}$/);
    expect(publicName('notes', 'connect', never)).toBe('connect');
  });
  test('is as long as the strictest agent of a deployment shows it (R57)', () => {
    const short = { ...server, longest: 32 };
    const own = 'x'.repeat(80);
    expect(publicName('notes', own, short)).toHaveLength(32);
    expect(publicName('notes', 'x'.repeat(25), short)).toBe(`notes__${'x'.repeat(25)}`);
    expect(serversThatMayOffer(publicName('notes', own, short), ['notes', 'mail'], short)).toEqual(['notes']);
    expect(publicName('notes', own, { ...never, longest: 32 })).toBe(own);
  });
  test('of a server with a long name is found again, and is not our connect tool (S12)', () => {
    const long = 'a-server-with-a-name-that-is-as-long-as-names-may-be-64-in-all-ok';
    for (const longest of [32, 48, 64]) {
      const naming = { ...server, longest };
      const names = ['connect', 'list', 'list_all'].map((own) => publicName(long, own, naming));
      expect(new Set([...names, connectToolName(long, naming)]).size).toBe(4);
      for (const name of [...names, connectToolName(long, naming)]) {
        expect(name.length).toBeLessThanOrEqual(longest);
        expect(serversThatMayOffer(name, [long, 'notes'], naming)).toEqual([long]);
      }
    }
  });
  test('points to the one catalogue that may hold it, also when ids and names look alike (S12)', () => {
    const servers = ['notes', 'notes-2', 'note'];
    expect(serversThatMayOffer('notes__a__b', servers, server)).toEqual(['notes']);
    expect(serversThatMayOffer('notes-2__a', servers, server)).toEqual(['notes-2']);
    expect(serversThatMayOffer('nowhere__a', servers, server)).toEqual([]);
    expect(serversThatMayOffer('a', ['notes'], never)).toEqual(['notes']);
  });
});

describe('a resource URI', () => {
  const servers = ['notes', 'notes-2'];
  test.each([
    'note://alice/1',
    'file:///a/b.txt',
    'https://x.example/a?b=../c',
    'urn:isbn:1',
    'ui://widget/main',
    'gitlab://projects/group%2Fproject',
  ])('%s carries the server id and comes back unchanged (S13)', (uri) => {
    for (const server of servers) {
      const mapped = publicResourceUri(server, uri, 'server');
      expect(mapped).toContain(`via-${server}`);
      expect(serverResourceUri(mapped ?? '', servers, 'server')).toEqual({ type: 'found', server, uri });
    }
  });
  test('template carries it too, and is no URI itself (S13)', () => {
    const template = 'note://{id}/{+rest}';
    expect(publicUriTemplate('notes', template, 'server')).toBe(`via-notes+${template}`);
    expect(serverUriTemplate(`via-notes+${template}`, servers, 'server')).toEqual({
      type: 'found',
      server: 'notes',
      uri: template,
    });
    expect(serverResourceUri(`via-notes+${template}`, servers, 'server')).toMatchObject({ type: 'not-normal' });
    expect(serverUriTemplate('via-notes+NOTE://{id}', servers, 'server')).toMatchObject({
      type: 'not-normal',
      part: 'scheme',
    });
    expect(publicUriTemplate('notes', 'NOTE://{id}', 'server')).toBeUndefined();
  });
  test('of an app keeps the scheme hosts look at (S13)', () => {
    expect(publicResourceUri('notes', 'ui://widget', 'server')).toBe('ui://via-notes/widget');
    expect(serverResourceUri('via-notes+ui://widget', servers, 'server')).toEqual({ type: 'unknown' });
  });
  test("of another server, or without one, is nobody's (S13)", () => {
    for (const uri of [
      'note://alice/1',
      'via-mail+note://alice/1',
      'via-notes',
      'via-+x:',
      'via-notes+',
      'via-notes+relative',
    ])
      expect(serverResourceUri(uri, servers, 'server')).toEqual({ type: 'unknown' });
  });
  test.each([
    ['file:///my file.txt', 'percent-encoding', 'file:///my%20file.txt'],
    ['file:///Übersicht', 'percent-encoding', 'file:///%C3%9Cbersicht'],
    ['https://Notes.example', 'host', 'https://notes.example/'],
    ['note://a/./b', 'path', 'note://a/b'],
    ['note://a/%2e%2e/b', 'path', 'note://a/b'],
  ])(
    '%j is shown in its normal form, and not sent in any other: the refusal names part and form (S13)',
    (uri, part, normal) => {
      expect(publicResourceUri('notes', uri, 'server')).toBe(`via-notes+${normal}`);
      expect(serverResourceUri(`via-notes+${uri}`, servers, 'server')).toEqual({
        type: 'not-normal',
        server: 'notes',
        part,
        normal: `via-notes+${normal}`,
      });
      expect(serverResourceUri(uri, ['notes'], 'never')).toEqual({ type: 'not-normal', server: 'notes', part, normal });
    },
  );
  test.each([
    'note://a%5cb',
    'note://a\\b',
    'note://a\nb',
    'note:../x',
    'note://a/..;x/b',
    'note://a/\ud800',
    'note://u@a/b',
    'note://a//b',
    `note://${'a'.repeat(4_096)}`,
    `note://${'ä'.repeat(2_000)}`,
  ])('%j has no normal form, and is refused (S13)', (uri) => {
    expect(publicResourceUri('notes', uri, 'server')).toBeUndefined();
    expect(serverResourceUri(`via-notes+${uri}`, servers, 'server')).toMatchObject({
      type: 'not-normal',
      server: 'notes',
    });
    expect(serverResourceUri(uri, ['notes'], 'never')).toMatchObject({ type: 'not-normal' });
  });
  test("is the server's own where the prefix is off, and then there is one server (S13)", () => {
    expect(serverResourceUri('test://static-text', ['only'], 'never')).toEqual({
      type: 'found',
      server: 'only',
      uri: 'test://static-text',
    });
    expect(serverResourceUri('test://static-text', servers, 'never')).toEqual({ type: 'unknown' });
  });
});
