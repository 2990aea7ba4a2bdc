import type { DocumentOf } from '@sallyport/configuration';
import { lintExpression } from '@sallyport/policy/condition';
import { remembered } from './remembered.js';

type Policy = DocumentOf<'AccessPolicy'>;
/** What is said of a field of a policy; the field is into the whole document. */
export type Remark = readonly [field: string, message: string];

/** Agents, names and expressions of a policy that will most likely match nothing, though they could. */
export function remarksOnPolicy({ spec }: Policy, agents: ReadonlySet<string>): Remark[] {
  return [
    ...(spec.agents?.clientIds ?? []).flatMap((id, position): Remark[] =>
      agents.has(id) || id.startsWith('https://')
        ? []
        : [
            [
              `spec.agents.clientIds.${position}`,
              `No Agent document has the name "${id}", and it is no address of a client metadata document: unless an ` +
                'agent that registered itself was given this id, it matches none.',
            ],
          ],
    ),
    ...remarksInItself(spec),
  ];
}

/** What no other document changes. */
const remarksInItself = remembered((spec: Policy['spec']): readonly Remark[] => [
  ...(spec.agents?.hosts ?? []).flatMap((host, position): Remark[] =>
    /[/@\s]/.test(host)
      ? [
          [
            `spec.agents.hosts.${position}`,
            `"${host}" is no host, so no agent has it: write only the host, such as agent.example or *.example.`,
          ],
        ]
      : [],
  ),
  ...remarksOnExpression(spec),
  ...(spec.hop === 'gateway-to-server' ? prefixedNames(spec) : []),
]);

function remarksOnExpression(spec: Policy['spec']): Remark[] {
  if (spec.when === undefined) return [];
  const { warnings, needsTool } = lintExpression(spec.when);
  const said = warnings.map((message): Remark => ['spec.when', `It ${message}.`]);
  if (!needsTool || spec.hop !== 'gateway-to-server') return said;
  const hidden = (['resources', 'prompts'] as const).filter((list) => spec[list].length > 0);
  return hidden.length === 0
    ? said
    : [
        ...said,
        [
          'spec.when',
          `It reads \`tool\`, which only tools have: no ${hidden.join(' and no ')} of this policy can be used. Give ` +
            'them a policy of their own, or begin the expression with `request.kind != "tool" ||`.',
        ],
      ];
}

/** Policies name tools and prompts as their server does; agents see them with the server's name before it (S12). */
function prefixedNames(spec: Extract<Policy['spec'], { hop: 'gateway-to-server' }>): Remark[] {
  const prefix = `${spec.server}__`;
  return (['tools', 'prompts'] as const).flatMap((list) =>
    spec[list].flatMap(({ match }, rule) =>
      match.flatMap((pattern, index): Remark[] =>
        pattern.startsWith(prefix)
          ? [
              [
                `spec.${list}.${rule}.match.${index}`,
                `"${pattern}" has the prefix that agents see. A policy names what the server itself calls it: say ` +
                  `"${pattern.slice(prefix.length)}".`,
              ],
            ]
          : [],
      ),
    ),
  );
}
