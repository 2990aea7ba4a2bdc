import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const root = process.cwd();
const pages = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md'], { cwd: root });

/** Relative targets of Markdown links, and paths into the tree written as code. */
function pathsIn(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)].map(([, target = '']) =>
    join(dirname(page), target),
  );
  const code = [...text.matchAll(/`((?:apps|libs|tools(?!\/(?:list|call)`)|docs|prisma|deploy|\.ci)\/[\w./-]*)`/g)].map(
    ([, path = '']) => path,
  );
  return [...links, ...code];
}

test('every file the pages point to exists', () => {
  const broken = pages.flatMap((page) =>
    pathsIn(page, readFileSync(join(root, page), 'utf8'))
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${page}: ${path}`),
  );
  expect(broken).toEqual([]);
});

test('links and paths are found as they are written', () => {
  expect(
    pathsIn(
      'docs/a.md',
      'See [b](b.md#part), [web](https://example.org), [up](../README.md) and `libs/kernel/src/`, `libs/*/x`.',
    ),
  ).toEqual(['docs/b.md', 'README.md', 'libs/kernel/src/']);
});
