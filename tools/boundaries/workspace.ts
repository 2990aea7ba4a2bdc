import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize, relative } from 'node:path';
import { z } from 'zod';

/** One import as written: `specifier` whole, `packageName` without its subpath, null for a relative one. */
export interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly packageName: string | null;
  /** What a single `import { a, b }` names; empty for every other form. */
  readonly names: readonly string[];
  /** In a test file: may use the root's devDependencies and the testing lib, and is not part of the product. */
  readonly inTest: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
}

/** One entry of `exports`: `{ specifier: '@sallyport/oauth/presets', path: 'libs/outbound/oauth/src/presets/index.ts' }`. */
export interface Door {
  readonly specifier: string;
  /** Of its source, relative to the workspace. */
  readonly path: string;
}

export interface Project {
  readonly name: string;
  /** Relative to the workspace, with `/`. */
  readonly root: string;
  readonly tags: readonly string[];
  /** What others may import of it, as its `exports` say. */
  readonly doors: readonly Door[];
  /** Everything package.json declares, internal and external. */
  readonly declared: readonly string[];
  /** What it declares for the product, its tests' own devDependencies left out. */
  readonly depended: readonly string[];
  /** Projects that tsconfig.json references. */
  readonly references: readonly string[];
  /** Projects Nx sees an edge to. */
  readonly graph: readonly string[];
  /** What people wrote; generated files count only by what they import. */
  readonly files: readonly SourceFile[];
  readonly imports: readonly Import[];
}

export interface Workspace {
  readonly projects: ReadonlyMap<string, Project>;
  /** devDependencies of the root: what tests and tools run on. */
  readonly rootDevelopment: ReadonlySet<string>;
}

/** What `nx graph --file` writes, as far as we read it. */
export const ProjectGraph = z.object({
  graph: z.object({
    nodes: z.record(
      z.string(),
      z.object({ data: z.object({ root: z.string(), tags: z.array(z.string()).default([]) }) }),
    ),
    dependencies: z.record(z.string(), z.array(z.object({ target: z.string() }))),
  }),
});
export type ProjectGraph = z.infer<typeof ProjectGraph>;

const Manifest = z.object({
  name: z.string(),
  exports: z
    .record(z.string(), z.union([z.string(), z.looseObject({ '@sallyport/source': z.string() })]))
    .default({ '.': './src/index.ts' }),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
const TypeScriptConfig = z.object({ references: z.array(z.object({ path: z.string() })).default([]) });

/** Reads every project of the graph below `root` from its package.json, tsconfig.json and sources. */
export function readWorkspace(root: string, graph: ProjectGraph): Workspace {
  const nodes = Object.entries(graph.graph.nodes);
  const nameByRoot = new Map(nodes.map(([name, { data }]) => [normalize(data.root), name]));
  const projects = nodes.map(([name, { data }]): [string, Project] => {
    const directory = join(root, data.root);
    const manifest = Manifest.parse(readJson(join(directory, 'package.json')));
    const references = TypeScriptConfig.parse(readJson(join(directory, 'tsconfig.json'))).references.map(({ path }) => {
      const referenced = relative(root, join(directory, path));
      return nameByRoot.get(referenced) ?? referenced;
    });
    const written = (path: string) => ({
      path: relative(root, path),
      text: readFileSync(path, 'utf8'),
      isTest: /\.(test|contract)\.ts$|\/src\/(?:testing|test)\/|\/apps\/e2e\/src\//.test(path),
    });
    const [generated, files] = partition(sourceFiles(join(directory, 'src')).map(written), ({ path }) =>
      path.includes('/generated/'),
    );
    return [
      name,
      {
        name,
        root: data.root,
        tags: data.tags,
        doors: Object.entries(manifest.exports)
          .filter(([door]) => door !== './package.json')
          .map(([door, source]) => ({
            specifier: join(name, door),
            path: join(data.root, typeof source === 'string' ? source : source['@sallyport/source']),
          })),
        declared: Object.keys({
          ...manifest.dependencies,
          ...manifest.optionalDependencies,
          ...manifest.devDependencies,
        }),
        depended: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
        references,
        graph: (graph.graph.dependencies[name] ?? []).map(({ target }) => target),
        files,
        imports: [...files, ...generated].flatMap((file) => importsOf(file)),
      },
    ];
  });
  const rootManifest = Manifest.parse(readJson(join(root, 'package.json')));
  return { projects: new Map(projects), rootDevelopment: new Set(Object.keys(rootManifest.devDependencies)) };
}

/** Static, re-exporting, dynamic and type imports, and `import.meta.resolve('…')` or `require.resolve('…')` of a package's file. */
const importForms = [
  /(?:^|[;\n}])\s*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/g,
  /(?:^|[;\n}])\s*import\s*['"]([^'"]+)['"]/g,
  /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
  /\b(?:import\.meta|require(?:\([^)]*\))?|createRequire\([^)]*\))\.resolve\s*\(\s*['"]([@a-z][^'"]*)['"]/g,
];

export function importsOf(file: SourceFile): Import[] {
  const text = withoutComments(file.text);
  const specifiers = importForms.flatMap((form) => [...text.matchAll(form)].map(([, specifier]) => specifier ?? ''));
  return [...new Set(specifiers)]
    .filter((specifier) => specifier !== '')
    .map((specifier) => ({
      file: file.path,
      specifier,
      packageName: packageOf(specifier),
      names: namesFrom(text, specifier),
      inTest: file.isTest,
    }));
}

function namesFrom(text: string, specifier: string): string[] {
  const quoted = `['"]${specifier.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"]`;
  const lists = [...text.matchAll(new RegExp(`import\\s*\\{([^{}]*)\\}\\s*from\\s*${quoted}`, 'g'))];
  if (lists.length !== [...text.matchAll(new RegExp(quoted, 'g'))].length) return [];
  return lists
    .flatMap(([, names = '']) => names.split(','))
    .map(
      (name) =>
        name
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s/)[0] ?? '',
    )
    .filter((name) => name !== '');
}

/** Whole-line and block comments only: enough to keep an import quoted in a docstring from counting. */
const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** `@scope/name/sub` → `@scope/name`; `node:fs` and `fs` → `node:fs`; null for a relative path. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('/')) return null;
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? specifier : `node:${specifier}`;
  const [first = '', second] = specifier.split('/');
  return specifier.startsWith('@') && second !== undefined ? `${first}/${second}` : first;
}

/** Whether a relative import ends up outside the folder of the project it is written in. */
export function leavesProject(project: Project, { file, specifier }: Import): boolean {
  return !join(dirname(file), specifier).startsWith(`${project.root}/`);
}

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

function partition<T>(values: readonly T[], isFirst: (value: T) => boolean): [T[], T[]] {
  return [values.filter(isFirst), values.filter((value) => !isFirst(value))];
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
