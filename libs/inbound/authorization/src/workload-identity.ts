import type { WorkloadConditions, WorkloadIssuerSpec } from '@sallyport/configuration';
import { compileClaimsCondition } from '@sallyport/policy';

type Claims = Readonly<Record<string, unknown>>;

/** Whether the workload that a verified token was issued to is the agent that an administrator meant. */
export function isWorkload(
  issuer: WorkloadIssuerSpec,
  { subject, claims: expected, when }: WorkloadConditions,
  claims: Claims,
): boolean {
  if (problemsOfWorkload(issuer, { subject, claims: expected, when }).length > 0) return false; // it would be anybody
  if (subject !== undefined && claims['sub'] !== subject) return false;
  if (expected !== undefined && !says(claims, expected)) return false;
  if (when === undefined) return true;
  const condition = compileClaimsCondition(when);
  return !('invalid' in condition) && condition.evaluate({ claims }) === 'true';
}

function says(claims: Claims, expected: Claims): boolean {
  return Object.entries(expected).every(([name, value]) => {
    const said = claims[name];
    return isObject(value) ? isObject(said) && says(said, value) : said === value;
  });
}

const isObject = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The claims that tell one customer of an issuer from all others. A document must pin one of them. */
const TENANT_CLAIMS: Readonly<Record<WorkloadIssuerSpec['type'], readonly string[]>> = {
  kubernetes: ['kubernetes.io'],
  spiffe: [],
  'github-actions': ['repository', 'repository_id', 'repository_owner', 'repository_owner_id'],
  gitlab: ['project_path', 'project_id', 'namespace_path', 'namespace_id'],
  oidc: [],
};

/** Why these conditions would let in nobody, or anybody at all. The document is refused for it. */
export function problemsOfWorkload(
  { type }: Pick<WorkloadIssuerSpec, 'type'>,
  { subject, claims, when }: Pick<WorkloadConditions, 'subject' | 'claims' | 'when'>,
): { readonly field: 'subject' | 'when'; readonly message: string }[] {
  const condition = when === undefined ? undefined : compileClaimsCondition(when);
  const pins = TENANT_CLAIMS[type];
  const pinned =
    subject !== undefined ||
    (claims !== undefined && (pins.length === 0 || pins.some((name) => Object.hasOwn(claims, name))));
  return [
    ...(pinned
      ? []
      : [
          {
            field: 'subject' as const,
            message:
              `is required, or \`claims\`${pins.length > 0 ? ` with ${pins.join(', ')}` : ''}: an expression ` +
              `alone does not say whose workload it is`,
          },
        ]),
    ...(condition && 'invalid' in condition ? [{ field: 'when' as const, message: condition.invalid }] : []),
  ];
}
