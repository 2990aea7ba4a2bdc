import type { Violation } from './rules.js';
import type { Workspace } from './workspace.js';

const writes = 'create|createMany|createManyAndReturn|update|updateMany|updateManyAndReturn|upsert|delete|deleteMany';

/** Model → who may write it, from the `/// writer: <who>` line above each model of the schema. */
export function tableWriters(schema: string): Map<string, string | null> {
  const writers = new Map<string, string | null>();
  let writer: string | null = null;
  for (const line of schema.split('\n')) {
    if (!line.startsWith('///') && !line.startsWith('model ')) writer = null;
    writer = /^\/\/\/ writer: ([a-z-]+(?:\/[a-z-]+)*)/.exec(line)?.[1] ?? writer;
    const model = /^model (\w+)/.exec(line)?.[1];
    if (model !== undefined) {
      writers.set(model, writer);
      writer = null;
    }
  }
  return writers;
}

/** A table has one writer: Prisma writes and SQL writes of a model appear only below that project's folder. */
export function writerViolationsOf(workspace: Workspace, schema: string): Violation[] {
  const rule = 'a table has one writer';
  return [...tableWriters(schema)].flatMap(([model, writer]) => {
    if (writer === null) return [{ rule, project: 'prisma/schema.prisma', message: `${model} names no writer` }];
    const accessor = `${model[0]?.toLowerCase() ?? ''}${model.slice(1)}`;
    const written = new RegExp(
      `\\.${accessor}\\s*\\.\\s*(?:${writes})\\b|(?:INSERT INTO|UPDATE|DELETE FROM)\\s+"${model}"`,
    );
    return [...workspace.projects.values()]
      .filter(
        ({ tags, root }) =>
          !tags.includes('type:testing') && !tags.includes('scope:development') && !root.endsWith(`/${writer}`),
      )
      .flatMap(({ name, files }) =>
        files
          .filter(({ isTest, text }) => !isTest && written.test(text))
          .map(({ path }) => ({ rule, project: name, message: `${path} writes ${model}, which is ${writer}'s` })),
      );
  });
}
