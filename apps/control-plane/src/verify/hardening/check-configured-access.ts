import type { DocumentOf } from '@sallyport/configuration';
import type { HardeningContext } from '../context.js';
import { failed, look, passed, warned, type Check, type Finding } from '../step.js';
import { isThisMachine } from './this-machine.js';

/** What documents let in, and out, that they need not. */
export function checkConfiguredAccess({ documents }: HardeningContext): Check[] {
  const all = documents();
  const registration = all.get('ClientRegistration', 'default');
  return [
    ...all
      .all('TrustProvider')
      .map(({ name, spec }) => look('hardening', `TrustProvider/${name}`, () => judgeProvider(spec.issuer))),
    ...(registration === undefined
      ? []
      : [look('hardening', 'ClientRegistration/default', () => judgeRegistration(registration.spec))]),
    ...all
      .all('AccessPolicy')
      .map(({ name, spec }) => look('hardening', `AccessPolicy/${name}`, () => judgePolicy(spec))),
    ...(all.get('OutboundNetwork', 'default')?.spec.allow ?? []).map((entry) =>
      look('hardening', `OutboundNetwork/default ${entry.host}`, () => judgeAllowed(entry)),
    ),
  ];
}

/** The demonstration's identity provider runs on this machine, and asks for no password. */
function judgeProvider(issuer: string): Finding {
  const { hostname } = new URL(issuer);
  return isThisMachine(hostname) ? warned('demo_provider', `Its issuer is ${issuer}.`) : passed(issuer);
}

function judgeRegistration({ dynamic, metadataDocuments }: DocumentOf<'ClientRegistration'>['spec']): Finding[] {
  const findings: Finding[] = [];
  if (dynamic.mode === 'open') findings.push(warned('registration_open', '`dynamic.mode` is `open`.'));
  if (metadataDocuments.enabled && metadataDocuments.allowedHosts.includes('*'))
    findings.push(warned('registration_of_any_document', '`allowedHosts` has `*`.'));
  return findings.length > 0 ? findings : [passed('Only agents that are expected get in.')];
}

function judgePolicy(spec: DocumentOf<'AccessPolicy'>['spec']): Finding[] {
  const { users, agents, conditions, when } = spec;
  const findings: Finding[] = [];
  if ([users, agents, conditions, when].every((part) => part === undefined))
    findings.push(warned('policy_for_everybody', 'It has no `users`, `agents`, `conditions` or `when`.'));
  if (spec.hop === 'gateway-to-server' && spec.tools.some(({ unapproved }) => unapproved === 'allowed'))
    findings.push(warned('policy_takes_unapproved_tools', 'A rule says `unapproved: allowed`.'));
  return findings.length > 0 ? findings : [passed('It says for whom it is.')];
}

/** Addresses at which clouds hand credentials to whoever asks from the machine. */
const CLOUD_METADATA = [
  '169.254.169.254',
  '[fd00:ec2::254]',
  'fd00:ec2::254',
  '168.63.129.16',
  '100.100.100.200',
  'metadata.google.internal',
];

function judgeAllowed(entry: DocumentOf<'OutboundNetwork'>['spec']['allow'][number]): Finding[] {
  const findings: Finding[] = [];
  if (CLOUD_METADATA.includes(entry.host.toLowerCase()))
    findings.push(failed('outbound_network_wide', "It is a cloud's own address."));
  else if (entry.ports === undefined) findings.push(warned('outbound_network_wide', 'It names no `ports`.'));
  if (entry.http && !isThisMachine(entry.host)) findings.push(warned('outbound_plain_http', 'It says `http: true`.'));
  return findings.length > 0 ? findings : [passed('It names ports, and needs TLS or stays on this machine.')];
}
