import type { DocumentOf } from '@sallyport/configuration';
import { missingReference, problemAt } from './check.js';
import type { DocumentSet, Problem } from './check.js';

export function administratorsProblems({ spec }: DocumentOf<'Administrators'>, set: DocumentSet): readonly Problem[] {
  return [
    ...spec.members.flatMap(({ trustProvider }, position) =>
      missingReference(set, 'TrustProvider', trustProvider, ['members', position, 'trustProvider']),
    ),
    ...spec.agents.flatMap((name, position) => pipelineProblems(name, ['agents', position], set)),
  ];
}

/** An agent with a user administers as its user: there the user is who is named, among the members. */
function pipelineProblems(name: string, path: readonly (string | number)[], set: DocumentSet): readonly Problem[] {
  const agent = set.find('Agent', name);
  if (!agent) return missingReference(set, 'Agent', name, path);
  return agent.spec.machine ? [] : [problemAt(path, `names the Agent "${name}", which is no machine: add \`machine\``)];
}
