import { describe, expect, it, test } from 'vitest';
import { circumstancesOf } from '../circumstances.js';
import { applicablePolicies } from '../applicable-policies.js';
import { compilePolicies } from '../compile-policies.js';
import { createSnapshot, documentMap, RevocationIndex } from '@sallyport/configuration';
import { caller, NOW } from '../testing/notes-policies.js';
import { compileExpression } from './expression.js';
import { DECLARED_VARIABLES } from './declared-variables.js';
import { lintExpression } from './lint-expression.js';

describe('an expression that can never work is refused with what to write', () => {
  it.each([
    ['false', /^is never true, whoever asks/],
    ['1 == 2', /^is never true/],
    ['"a" in ["b"]', /^is never true/],
    ['false && user.id != ""', /`&& false`/],
    ['user.role == "admin"', /^reads `user\.role`, which is never there: say `user\.roles`, or use one of user\.id,/],
    ['user["group"] == "a"', /^reads `user\.group`, .*`user\.groups`/],
    ['has(user.email)', /^reads `user\.email`/],
    ['agent.id == "a"', /one of agent\.clientId, agent\.name, agent\.assurance$/],
    ['request.tool == "a"', /^reads `request\.tool`/],
    ['tool.title == "a"', /^reads `tool\.title`/],
    ['user.groups == "staff"', /^compares `user\.groups`, a list, with one value: say `"staff" in user\.groups`$/],
    ['"staff" != user.groups', /say `"staff" in user\.groups`$/],
    ['user.roles in ["a", "b"]', /^looks for `user\.roles`, a list, among single values/],
    ['user.subject in agent.name', /^looks for something in `agent\.name`, a text/],
    [
      'request.kind == "tools"',
      /^compares `request\.kind` with "tools", which it never is: use one of tool, tool-view,/,
    ],
    ['request.kind in ["tool", "prompts"]', /with "prompts", which it never is/],
    ['agent.assurance != "verified"', /with "verified", which it never is: use one of asserted,/],
    ['user.acr == 3', /^compares `user\.acr`, a text, with 3: write it in quotes$/],
    ['user.subject == ["a"]', /^compares `user\.subject`, a text, with a list/],
    ['tool.approved == "true"', /^compares `tool\.approved`, which is true or false, with true$/],
    ['user.subject in []', /in an empty list$/],
  ])('%s (B32)', (source, message) => {
    expect(lintExpression(source).errors).toEqual([expect.stringMatching(message)]);
  });

  it.each([
    '"staff" in user.groups',
    'user.roles == ["a", "b"]',
    'user.roles.exists(role, role == "admin" || role in ["a"])',
    'tool.arguments.role == "admin" && tool.annotations.readOnlyHint == true',
    'user.groups.exists(user, user == "a")',
    'request.kind in ["tool", "resource"] && request.time.getHours("UTC") < 20',
    'user.acr != "" || agent.assurance == "asserted"',
    'size(user.groups) > 0',
  ])('%s is fine', (source) => {
    expect(lintExpression(source)).toMatchObject({ errors: [], warnings: [] });
  });

  it('says what is always true, and what only tools can pass (B32)', () => {
    expect(lintExpression('1 == 1').warnings).toEqual([expect.stringMatching(/^is always true/)]);
    expect(lintExpression('tool.approved').needsTool).toBe(true);
    expect(lintExpression('request.kind == "tool" && tool.approved').needsTool).toBe(true);
    for (const passes of [
      'request.kind != "tool" || tool.approved',
      '!has(tool.name) || tool.approved',
      '"a" in user.groups || tool.annotations.readOnlyHint',
      'request.kind == "tool" ? tool.approved : true',
      '"a" in user.groups',
    ])
      expect([passes, lintExpression(passes).needsTool]).toEqual([passes, false]);
  });
});

test('what is declared of the variables is what a decision shows, and each example may be written (R22)', () => {
  const { set } = compilePolicies(
    createSnapshot({
      epoch: 'e',
      revision: 1,
      documents: documentMap([]),
      revocations: new RevocationIndex(() => NOW),
    }),
  );
  const action = { type: 'tool', name: 'get_note', sha256: 'a'.repeat(64), arguments: {} } as const;
  const request = { server: 'notes', action, sourceIp: '192.0.2.1', now: NOW };
  const shown = circumstancesOf(set, applicablePolicies(set, caller), request).variables();
  for (const [variable, members] of Object.entries(DECLARED_VARIABLES)) {
    const values = shown[variable as keyof typeof shown];
    expect([variable, Object.keys(members).toSorted()]).toEqual([variable, Object.keys(values).toSorted()]);
    for (const [member, { type, example }] of Object.entries(members)) {
      expect([member, typeOf(values[member])]).toEqual([member, type]);
      expect([example, lintExpression(example).errors, 'invalid' in compileExpression(example)]).toEqual([
        example,
        [],
        false,
      ]);
    }
  }
});

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list of text';
  if (value instanceof Date) return 'time';
  return { string: 'text', boolean: 'true or false', object: 'object' }[typeof value as string] ?? typeof value;
}
