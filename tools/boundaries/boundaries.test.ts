import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { violationsOf } from './rules.js';
import { shapeViolationsOf } from './shape.js';
import { writerViolationsOf } from './table-writers.js';
import { ProjectGraph, readWorkspace } from './workspace.js';

const root = process.cwd();

function nxProjectGraph(): ProjectGraph {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-graph-'));
  const file = join(directory, 'graph.json');
  try {
    const nx = join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js');
    execFileSync(process.execPath, [nx, 'graph', `--file=${file}`], {
      cwd: root,
      stdio: 'pipe',
      env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' },
    });
    return ProjectGraph.parse(JSON.parse(readFileSync(file, 'utf8')));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const workspace = readWorkspace(root, nxProjectGraph());
const told = (violations: readonly { rule: string; project: string; message: string }[]) =>
  violations.map(({ rule, project, message }) => `${project}: ${message} (${rule})`);

test('every project of the tree is looked at', () => {
  const { references } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
    references: { path: string }[];
  };
  expect([...workspace.projects.values()].map((project) => project.root).toSorted()).toEqual(
    references.map(({ path }) => path).toSorted(),
  );
});

test('every project keeps to its boundaries', () => {
  expect(told(violationsOf(workspace))).toEqual([]);
});

test('every file has the shape the style asks for', () => {
  expect(told(shapeViolationsOf(workspace))).toEqual([]);
});

test('every table has one writer', () => {
  expect(told(writerViolationsOf(workspace, readFileSync(join(root, 'prisma', 'schema.prisma'), 'utf8')))).toEqual([]);
});
