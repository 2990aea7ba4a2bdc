import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { peers } from './peers.js';

const folder = join(repositoryRoot, 'apps', 'e2e', 'foreign');
const programs = [...new Set(peers.map(({ program }) => program))];
const needsALanguage = [
  ...programs.filter((program) => !['npm', 'better-auth', 'published'].includes(program)),
  ...['collector', 'versitygw', 'schemathesis'],
];

describe('servers that nobody here wrote', () => {
  test('are each of a version that its program pins and docs/compatibility.md names (R66)', () => {
    const document = readFileSync(join(repositoryRoot, 'docs', 'compatibility.md'), 'utf8');
    for (const { program, name, package: named, version, what } of peers) {
      const pins =
        program === 'published'
          ? [join(repositoryRoot, 'apps', 'e2e', 'package.json')]
          : readdirSync(join(folder, program)).map((file) => join(folder, program, file));
      const text = pins
        .filter((file) => /(requirements\.txt|go\.mod|pom\.xml|Cargo\.lock|package\.json)$/.test(file))
        .map((file) => readFileSync(file, 'utf8'))
        .join('\n');
      expect(text, name).toContain(version);
      expect(text, name).toContain(named.replace(/ \(.*\)$/, '').replace(/^.*:/, ''));
      expect(document, name).toContain(`| ${what} | \`${named}\` | ${version} |`);
    }
  });

  test('receivers are of the version that docs/compatibility.md names (R78)', () => {
    const document = readFileSync(join(repositoryRoot, 'docs', 'compatibility.md'), 'utf8');
    const modules = {
      collector: ['exporter/fileexporter', 'go.opentelemetry.io/collector'],
      versitygw: ['github.com/versity/versitygw', 'github.com/versity/versitygw'],
    };
    for (const [program, [module = '', named = '']] of Object.entries(modules)) {
      const pins = readFileSync(join(folder, program, 'go.mod'), 'utf8');
      const version = new RegExp(`${module} v([\\d.]+)`).exec(pins)?.[1];
      expect(document).toMatch(new RegExp(`\\(\`${named}\`\\)[^|]*\\| ${version} \\|`));
    }
  });

  test.each(needsALanguage)(
    'say in one sentence what is missing where %s has no language: nothing else of Sallyport needs one',
    (program) => {
      const { status, stdout } = spawnSync('/bin/bash', [join(folder, program, 'run.sh'), 'prepare'], {
        env: { PATH: '/nonexistent', FOREIGN_CACHE: '/nonexistent' },
        encoding: 'utf8',
      });
      expect({ status, stdout }).toEqual({
        status: 78,
        stdout: expect.stringMatching(/^\w+ is missing: install [^\n]+\.\n$/),
      });
    },
  );

  test('have nothing in the workspaces, whose package-lock.json knows none of their folders', () => {
    expect(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8')).not.toContain('apps/e2e/foreign');
  });
});
