import type { SourceFile, Workspace } from './workspace.js';
import type { Violation } from './rules.js';

/** What the product is tested and measured with. */
const NO_PRODUCT = /^(?:libs\/testing|apps\/bench|apps\/e2e)\//;

/** How files are written and named here, as far as the linter cannot say it. */
const shapes: Readonly<Record<string, (file: SourceFile) => boolean>> = {
  'a folder or file is named for what it does': ({ path }) =>
    /\.(service|dto|util|utils|helper|interface|impl)\.ts$|\/(utils?|helpers?|shared|common)(\/|\.ts$)/.test(path),
  'exports are listed by name': ({ text }) => /^\s*export\s*\*/m.test(text),
  'a type is not talked round': ({ text }) => /\bas unknown as\b/.test(text),
  'decorators stay in controllers and modules': ({ path, text, isTest }) =>
    !isTest && !/\.(controller|module)\.ts$/.test(path) && /^\s*@[A-Z]\w*\(/m.test(text),
  'no line of the product is wider than 120 columns': ({ path, text, isTest }) =>
    !isTest && !NO_PRODUCT.test(path) && text.split('\n').some((line) => line.length > 120),
  'no test is left out': ({ text, isTest }) =>
    isTest && /\b(?:test|it|describe)\.(?:skip|only|todo|fails)\b/.test(text),
};

export function shapeViolationsOf(workspace: Workspace): Violation[] {
  return [...workspace.projects.values()].flatMap((project) =>
    project.files.flatMap((file) =>
      Object.entries(shapes)
        .filter(([, isOut]) => isOut(file))
        .map(([rule]) => ({ rule, project: project.name, message: file.path })),
    ),
  );
}

export const shapeRules = Object.keys(shapes);
