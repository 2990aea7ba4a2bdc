import { upwardImports } from './layers.js';
import { dirname, join } from 'node:path';
import type { Import, Project, Workspace } from './workspace.js';
import { leavesProject } from './workspace.js';

export interface Violation {
  readonly rule: string;
  readonly project: string;
  readonly message: string;
}

/** What a rule finds wrong with one project, one sentence each. */
type Rule = (project: Project, workspace: Workspace) => string[];

const scope = '@sallyport/';
const testing = `${scope}testing`;

/** Packages that each live in one project of the product, the one that carries the tag. */
const technologies = [
  { tag: 'tech:oidc-provider', packages: /^oidc-provider$/ },
  { tag: 'tech:prisma', packages: /^(@prisma\/.*|prisma)$/ },
  { tag: 'tech:bullmq', packages: /^(bullmq|ioredis)$/ },
  { tag: 'tech:nats', packages: /^(@nats-io\/(?!nkeys$).*|nats)$/ },
  { tag: 'tech:mcp-sdk', packages: /^@modelcontextprotocol\// },
] as const;

/** What a decision may be built on: a schema, a signature, an expression engine, a text format. */
const domainPackages = new Set(['zod', 'jose', '@marcbachmann/cel-js', 'yaml']);
/** Node's own modules that reach out of the process; what `node:net` knows about addresses does not. */
const inputAndOutput =
  /^node:(fs|net|tls|http|https|http2|dgram|dns|child_process|cluster|worker_threads|readline|sqlite)(\/|$)/;
const addressArithmetic = new Set(['BlockList', 'SocketAddress', 'isIP', 'isIPv4', 'isIPv6']);
/** What the data plane may not reach, however many libraries lie between. */
const heavy = /^(@prisma\/.*|prisma|pg|bullmq|ioredis|oidc-provider)$/;

/** A door with more is no longer read to its end: narrow it, or give the lib another one. */
const MOST_NAMES = 40;

const has = (project: Project, tag: string) => project.tags.includes(tag);
/** Demo, end-to-end scenarios, benchmarks and the testing lib: not the product, free to play the other side. */
const isDevelopment = (project: Project) => has(project, 'scope:development') || has(project, 'type:testing');
const productImports = (project: Project): Import[] => project.imports.filter(({ inTest }) => !inTest);
const isInternal = (name: string | null): name is string => name !== null && name.startsWith(scope);
const isNode = (name: string) => name.startsWith('node:');
const distinct = <T>(values: Iterable<T>): T[] => [...new Set(values)];

/** By file that somebody wrote, the files of the same project that it imports, for types too. */
function importsBetweenFiles(project: Project): ReadonlyMap<string, readonly string[]> {
  const written = new Set(project.files.map(({ path }) => path));
  const imported = new Map<string, string[]>();
  for (const { file, specifier, packageName } of project.imports) {
    if (packageName !== null || !written.has(file)) continue;
    imported.set(file, [...(imported.get(file) ?? []), join(dirname(file), specifier).replace(/\.js$/, '.ts')]);
  }
  return imported;
}

/** The way round of each circle, e.g. `a.ts → b.ts → a.ts`. */
function circlesIn(imported: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' → '));
    if (done.has(file) || way.includes(file)) return;
    for (const next of imported.get(file) ?? []) walk(next, [...way, file]);
    done.add(file);
  };
  for (const file of imported.keys()) walk(file, []);
  return circles;
}

/** What the file of a door exports, types included. `export *` is forbidden elsewhere. */
function namesShownBy(project: Project, path: string): string[] {
  const text = project.files.find((file) => file.path === path)?.text ?? '';
  const listed = [...text.matchAll(/\bexport\s+(?:type\s+)?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names.split(','),
  );
  const declared = text.matchAll(
    /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:const|let|function\*?|class|interface|type|enum)\s+(\w+)/gm,
  );
  return [
    ...listed.map((name) => name.trim()).filter((name) => name !== ''),
    ...[...declared].map(([, name = '']) => name),
  ];
}

/** Everything the product part of a project stands on, itself left out: declared, imported or seen by Nx. */
function foundations(project: Project): string[] {
  const imported = productImports(project).map(({ packageName }) => packageName);
  const seen = project.graph.filter((name) => !project.declared.includes(name) || project.depended.includes(name));
  return distinct([...project.depended, ...seen, ...imported]).filter(
    (name) => name !== null && !isNode(name) && name !== project.name,
  ) as string[];
}

/** Names of every package and project reachable from `project`, each with the way there. */
function reachable(project: Project, { projects }: Workspace): Map<string, readonly string[]> {
  const ways = new Map<string, readonly string[]>();
  const walk = (current: Project, way: readonly string[]): void => {
    for (const name of foundations(current)) {
      if (ways.has(name)) continue;
      ways.set(name, [...way, name]);
      const next = projects.get(name);
      if (next !== undefined) walk(next, [...way, name]);
    }
  };
  walk(project, [project.name]);
  return ways;
}

export const rules: Readonly<Record<string, Rule>> = {
  'every project says what it is': ({ tags }) => {
    const types = tags.filter((tag) => tag.startsWith('type:'));
    return types.length === 1 ? [] : [`has ${types.length} "type:" tags, wants one`];
  },

  'the kernel stands on nothing': (project) =>
    has(project, 'type:kernel') ? foundations(project).map((name) => `depends on ${name}`) : [],

  'a domain lib is pure': (project, { projects }) => {
    if (!has(project, 'type:domain')) return [];
    const impure = foundations(project).filter((name) => {
      const internal = projects.get(name);
      return internal === undefined
        ? !domainPackages.has(name)
        : !has(internal, 'type:domain') && !has(internal, 'type:kernel');
    });
    const reachingOut = productImports(project)
      .filter(
        ({ packageName, names }) =>
          packageName !== null &&
          inputAndOutput.test(packageName) &&
          !(names.length > 0 && names.every((name) => addressArithmetic.has(name))),
      )
      .map(({ packageName, file }) => `${packageName} in ${file}`);
    return [...impure, ...reachingOut].map((name) => `depends on ${name}`);
  },

  'the data plane reaches no database and no authorization server': (project, workspace) =>
    has(project, 'scope:data-plane')
      ? [...reachable(project, workspace)].filter(([name]) => heavy.test(name)).map(([, way]) => way.join(' → '))
      : [],

  'a technology has one home': (project, { projects }) => {
    const crowded = technologies
      .filter(({ tag }) => has(project, tag))
      .flatMap(({ tag }) =>
        [...projects.values()]
          .filter((other) => other !== project && has(other, tag))
          .map((other) => `shares ${tag} with ${other.name}`),
      );
    if (isDevelopment(project)) return crowded;
    const strayed = technologies
      .filter(({ tag }) => !has(project, tag))
      .flatMap(({ tag, packages }) =>
        foundations(project)
          .filter((name) => packages.test(name))
          .map((name) => `uses ${name}, whose home is ${tag}`),
      );
    return [...crowded, ...strayed];
  },

  "an app is nobody else's library": (project, { projects }) => {
    if (has(project, 'composes:apps')) return [];
    const everything = distinct([...foundations(project), ...project.imports.map(({ packageName }) => packageName)]);
    return everything
      .filter((name) => name !== null && name !== project.name)
      .filter((name) => {
        const other = projects.get(name as string);
        return other !== undefined && has(other, 'type:app');
      })
      .map((name) => `depends on the app ${name}`);
  },

  'the product does not stand on its tests': (project, { projects }) =>
    isDevelopment(project)
      ? []
      : foundations(project)
          .filter((name) => {
            const other = projects.get(name);
            return other !== undefined && has(other, 'type:testing');
          })
          .map((name) => `depends on ${name}`),

  'references equal declared projects': (project) => {
    const declared = project.depended.filter(isInternal);
    return [
      ...declared
        .filter((name) => !project.references.includes(name))
        .map((name) => `declares ${name} without a reference in tsconfig.json`),
      ...project.references
        .filter((name) => !declared.includes(name))
        .map((name) => `references ${name} in tsconfig.json without declaring it`),
    ];
  },

  'what is imported is declared': (project, { rootDevelopment }) =>
    distinct(
      project.imports
        .filter(({ packageName, inTest }) => {
          if (
            packageName === null ||
            isNode(packageName) ||
            packageName === project.name ||
            project.declared.includes(packageName)
          )
            return false;
          return !(inTest && (rootDevelopment.has(packageName) || packageName === testing));
        })
        .map(({ packageName, file }) => `${file} imports ${packageName}`),
    ),

  'a layer imports from none above it': (project) => upwardImports(project),

  'what is declared is imported': (project) => {
    const imported = new Set(project.imports.map(({ packageName }) => packageName));
    return project.declared.filter((name) => !imported.has(name)).map((name) => `never imports ${name}`);
  },

  'a lib is entered by one of its doors': (project, { projects }) =>
    project.imports
      .filter((one) =>
        one.packageName === null
          ? leavesProject(project, one)
          : isInternal(one.packageName) &&
            !projects.get(one.packageName)?.doors.some(({ specifier }) => specifier === one.specifier),
      )
      .map(({ file, specifier }) => `${file} imports ${specifier}`),

  'files do not import in a circle': (project) => circlesIn(importsBetweenFiles(project)),

  'only tests enter by a testing door': (project) =>
    isDevelopment(project)
      ? []
      : productImports(project)
          .filter(({ packageName, specifier }) => isInternal(packageName) && specifier === `${packageName}/testing`)
          .map(({ file, specifier }) => `${file} imports ${specifier}`),

  'a door of a lib is small': (project) =>
    has(project, 'type:app')
      ? []
      : project.doors
          .map(({ specifier, path }) => ({ specifier, count: namesShownBy(project, path).length }))
          .filter(({ count }) => count > MOST_NAMES)
          .map(({ specifier, count }) => `${specifier} exports ${count} names, more than ${MOST_NAMES}`),

  'a door shows no test doubles, unless it is one for tests': (project) =>
    isDevelopment(project)
      ? []
      : project.doors
          .filter(({ specifier }) => specifier !== `${project.name}/testing`)
          .flatMap(({ specifier, path }) =>
            project.imports
              .filter(({ file, specifier: from }) => file === path && /(^|\/)testing\/|\.contract\.js$/.test(from))
              .map(({ specifier: from }) => `${specifier} exports from ${from}`),
          ),
};

export function violationsOf(workspace: Workspace): Violation[] {
  return [...workspace.projects.values()].flatMap((project) =>
    Object.entries(rules).flatMap(([rule, find]) =>
      find(project, workspace).map((message) => ({ rule, project: project.name, message })),
    ),
  );
}
