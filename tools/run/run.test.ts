import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { npmCommand, readStamp, satisfiesLock } from './installation.mjs';
import { licencesOf } from './licences.mjs';
import { chooseNode, majorOf, refuseOldNode } from './node-version.mjs';
import { inSeconds, selectSteps, stepNames } from './steps.mjs';

describe('which Node runs a command', () => {
  test('a Node older than 20 is refused with a sentence that says what to install', () => {
    expect(() => refuseOldNode('v18.20.4')).toThrow(
      'Sallyport needs Node.js 20 or newer to install itself (this is v18.20.4).',
    );
    expect(() => refuseOldNode('v20.0.0')).not.toThrow();
    expect(majorOf('v24.21.0')).toBe(24);
  });

  test('the Node that npm installed is switched to, whatever started the command', () => {
    expect(chooseNode({ current: '/usr/bin/node', version: 'v20.1.0', pinned: '/p/bin/node' })).toBe('switch');
    expect(chooseNode({ current: '/usr/bin/node', version: 'v26.1.0', pinned: '/p/bin/node' })).toBe('switch');
    expect(chooseNode({ current: '/p/bin/node', version: 'v24.21.0', pinned: '/p/bin/node' })).toBe('stay');
  });

  test('where npm carries no Node, a new enough one of the machine is used and an older one refused', () => {
    expect(chooseNode({ current: '/usr/bin/node', version: 'v24.0.0', pinned: null })).toBe('stay');
    expect(chooseNode({ current: '/usr/bin/node', version: 'v22.9.0', pinned: null })).toBe('refuse');
  });
});

describe('whether node_modules matches the lock file', () => {
  const wanted = {
    packages: {
      '': {},
      'libs/kernel': { version: '0.0.0' },
      'node_modules/@sallyport/kernel': { link: true },
      'node_modules/zod': { version: '4.6.7', integrity: 'sha512-a' },
      'node_modules/node-darwin': { version: '24.0.0', integrity: 'sha512-b', optional: true },
    },
  };
  const installed = {
    packages: {
      'libs/kernel': { version: '0.0.0' },
      'node_modules/@sallyport/kernel': { link: true },
      'node_modules/zod': { version: '4.6.7', integrity: 'sha512-a' },
    },
  };
  const without = (path: string) => ({
    packages: Object.fromEntries(Object.entries(installed.packages).filter(([key]) => key !== path)),
  });
  const withPackage = (path: string, entry: object) => ({ packages: { ...installed.packages, [path]: entry } });

  test('the stamp says what was installed of which lock file; one of an earlier version says everything', () => {
    expect(readStamp('product 0a1b')).toEqual({ extent: 'product', digest: '0a1b' });
    expect(readStamp('everything 0a1b')).toEqual({ extent: 'everything', digest: '0a1b' });
    expect(readStamp('0a1b')).toEqual({ extent: 'everything', digest: '0a1b' });
  });

  test('it does when only packages for other platforms are missing', () => {
    expect(satisfiesLock(wanted, installed)).toBe(true);
  });

  test('it does not when a package is missing, is another version, has another digest or is not asked for', () => {
    expect(satisfiesLock(wanted, without('node_modules/zod'))).toBe(false);
    expect(satisfiesLock(wanted, without('node_modules/@sallyport/kernel'))).toBe(false);
    expect(satisfiesLock(wanted, withPackage('node_modules/zod', { version: '4.6.6', integrity: 'sha512-a' }))).toBe(
      false,
    );
    expect(satisfiesLock(wanted, withPackage('node_modules/zod', { version: '4.6.7', integrity: 'sha512-z' }))).toBe(
      false,
    );
    expect(satisfiesLock(wanted, withPackage('node_modules/left-over', { version: '1.0.0' }))).toBe(false);
    expect(
      satisfiesLock(wanted, withPackage('node_modules/node-darwin', { version: '23.0.0', integrity: 'sha512-b' })),
    ).toBe(false);
  });
});

test('npm ci runs on the Node npm was started with, because it removes the one in node_modules', () => {
  expect(npmCommand({ npm_execpath: '/usr/lib/npm/bin/npm-cli.js', npm_node_execpath: '/usr/bin/node' })).toEqual([
    '/usr/bin/node',
    '/usr/lib/npm/bin/npm-cli.js',
  ]);
  expect(npmCommand({ npm_execpath: '/usr/lib/yarn.js', npm_node_execpath: '/usr/bin/node' })).toHaveLength(1);
  expect(npmCommand({})).toHaveLength(1);
});

describe('the parts of npm test', () => {
  test('all of them run in order when none is named', () => {
    expect(selectSteps([])).toEqual({ steps: stepNames, rest: [] });
  });

  test('named parts run in the usual order', () => {
    expect(selectSteps(['e2e', 'types'])).toEqual({ steps: ['types', 'e2e'], rest: [] });
  });

  test('further words go to the runner of a single part', () => {
    expect(selectSteps(['unit', '--', 'libs/kernel', '-t', 'ids'])).toEqual({
      steps: ['unit'],
      rest: ['libs/kernel', '-t', 'ids'],
    });
  });

  test('an unknown part is refused by name', () => {
    expect(() => selectSteps(['units'])).toThrow('"units" is no part of the tests');
    expect(() => selectSteps(['unit', 'int', 'libs/kernel'])).toThrow('"libs/kernel" is no part of the tests');
  });

  test('times are told in seconds', () => {
    expect(inSeconds(1234)).toBe('1.2 s');
  });
});

describe('the licences of packages that are passed on', () => {
  const folder = makeScratch('licences');
  const packageOf = (manifest: object, files: Readonly<Record<string, string>> = {}): string => {
    const place = mkdtempSync(join(folder, 'package-'));
    const all = { 'package.json': JSON.stringify(manifest), ...files };
    for (const [name, text] of Object.entries(all)) writeFileSync(join(place, name), text);
    return place;
  };
  afterAll(() => removeScratch(folder));

  test('each is there with the notice that belongs to it', () => {
    const text = licencesOf([
      packageOf({ name: 'a', version: '1.0.0', license: 'MIT' }, { LICENSE: 'MIT of a' }),
      packageOf({ name: 'b', version: '2.0.0', license: 'Apache-2.0' }, { 'LICENCE.txt': 'text of b', NOTICE: 'by b' }),
    ]);
    expect(text).toMatch(/^a 1\.0\.0 \(MIT\)\n\nMIT of a\n\n-+\n\nb 2\.0\.0 \(Apache-2\.0\)\n\ntext of b\n\nby b\n$/);
  });

  test('one that has its licence in its readme is passed on with that section', () => {
    const readme = '# d\n\nUse it.\n\n## License\n\nCopyright (c) D\n\nPermission is hereby granted, free of charge\n';
    const text = licencesOf([packageOf({ name: 'd', version: '1.0.0', license: 'MIT' }, { 'README.md': readme })]);
    expect(text).toContain('Copyright (c) D\n\nPermission is hereby granted');
    expect(text).not.toContain('Use it');
    const names = packageOf({ name: 'e', version: '1.0.0', license: 'MIT' }, { 'README.md': '## License\n\nMIT\n' });
    expect(() => licencesOf([names])).toThrow('no licence text');
  });

  test('a package without its licence is not passed on, unless it is known to say no more than MIT', () => {
    expect(() => licencesOf([packageOf({ name: 'c', version: '1.0.0', license: 'MIT' })])).toThrow('no licence text');
    const known = { name: 'abstract-logging', version: '2.0.1' };
    expect(licencesOf([packageOf({ ...known, license: 'MIT' })])).toContain('Copyright (c) James Sumners');
    expect(() => licencesOf([packageOf({ ...known, license: 'GPL-3.0' })])).toThrow('no licence text');
  });
});
