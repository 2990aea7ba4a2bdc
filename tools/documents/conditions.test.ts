import { join } from 'node:path';
import { DECLARED_VARIABLES } from '@sallyport/policy/condition';
import { expect, test } from 'vitest';

const cell = (text: string) => text.replaceAll('|', '\\|');

const tables = Object.entries(DECLARED_VARIABLES).map(([variable, members]) => {
  const rows = Object.entries(members).map(([name, { type, values, meaning, example, seenBy }]) => {
    const takes = values === undefined ? '' : ` One of ${values.map((value) => `\`${value}\``).join(', ')}.`;
    return `| \`${variable}.${name}\` | ${type} | ${meaning}${takes} | ${seenBy} | \`${cell(example)}\` |`;
  });
  return `### \`${variable}\`\n\n| variable | type | what it is | has it | example |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
});

const page = `# Conditions: what \`when\` can read

\`when\` of an \`AccessPolicy\` is an expression in CEL that must come to true. One that fails, because something it reads is not there
or types do not fit, denies. This page lists what it can read; [patterns and expressions in policies](policies.md) says how resources
and paths are compared, and what an expression may cost. The tables come from the code
(\`libs/decision/policy/src/condition/declared-variables.ts\`).

## Variables

${tables.join('\n')}
A variable that an operation does not have is empty: \`tool\` of a resource or a prompt has no fields, so reading one fails and denies.
Give resources and prompts a policy of their own, or begin with \`request.kind != "tool" ||\`.

A list is made without arguments, a time and an address. It leaves out only what no arguments, time or address could open; the rest is
decided when it is used.

## Functions

Everything of CEL but regular expressions (\`matches\`) and \`json\`; loops (\`exists\`, \`all\`, \`exists_one\`, \`map\`, \`filter\`) do not nest.
Besides: \`text.glob("get_*")\`, and \`uriWithin\`, \`isNormalUri\`, \`pathWithin\`, \`isPlainPath\`
([paths and URIs in expressions](policies.md)).

## Budget

One expression has 50,000 steps, all expressions of one decision 150,000, and the text of one at most 4,096 characters
([how much an expression may do](policies.md#how-much-an-expression-may-do)).

## What is refused when it is written

A policy is refused, with file, line and column, when its expression can never be what its author means: it is never true whoever asks; it reads
a variable that is not there (\`user.role\`); it compares a list with one value (\`user.groups == "staff"\`); it compares with a value that is
never taken (\`request.kind == "tools"\`). So is an empty list of users, agents or roles, which matches nobody. What may be meant, and most
likely is not, is warned of: a scope that no role gives, a pattern with the prefix that agents see (\`notes__add_note\`), an agent that is
in no document, \`tool\` in the \`when\` of a policy for resources or prompts, an expression that is always true.
`;

test('docs/conditions.md is what is declared of the variables (R22)', async () => {
  await expect(page).toMatchFileSnapshot(join(process.cwd(), 'docs', 'conditions.md'));
});
