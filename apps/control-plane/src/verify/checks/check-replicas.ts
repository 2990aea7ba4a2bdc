import type { VerifyCause } from '@sallyport/admin-api';
import type { ReplicaFault } from '@sallyport/messages';
import { applies, type KnownReplica, type Revision } from '../../status/known-replicas.js';
import type { VerifyContext } from '../context.js';
import { failed, look, passed, warned, type Check, type Finding } from '../step.js';

const OFF_MS = 5_000;

const BY_FAULT: { readonly [F in ReplicaFault]: VerifyCause } = {
  'configuration-missing': 'replica_without_configuration',
  'configuration-untrusted': 'replica_key_wrong',
  'configuration-stale': 'replica_configuration_stale',
  'issuer-keys-missing': 'issuer_keys_not_loaded',
  'spool-refuses': 'event_spool_refuses',
  'events-not-shipped': 'events_not_shipped',
  'queue-unreachable': 'queue_unreachable',
};

/** Every process that reports, and those that should. @param newest `undefined` while the database does not say */
export function checkReplicas({ replicas, enrolled }: VerifyContext, newest: Revision | undefined): Check[] {
  const all = replicas.all();
  const running = (service: string) => all.filter((one) => one.service === service && !one.isSilent);
  const presence = (service: string, cause: VerifyCause): Check =>
    look('replicas', service, () => {
      const count = running(service).length;
      return count === 0 ? failed(cause, 'None was heard lately.') : passed(`${count} running.`);
    });
  return [
    presence('gateway', 'no_gateway_running'),
    presence('authorization-server', 'no_authorization_server_running'),
    look('replicas', 'versions', () => {
      const versions = [...new Set(all.map(({ version }) => version))].toSorted();
      return versions.length > 1 ? warned('versions_differ', versions.join(', ')) : passed(versions.join(''));
    }),
    ...all.map((replica) => look('replica', nameOf(replica), () => judge(replica, newest, enrolled.names()))),
    ...all
      .filter(({ isSilent }) => !isSilent)
      .map((replica) => look('clock', nameOf(replica), () => judgeClock(replica))),
  ];
}

const nameOf = ({ service, replica, worker }: KnownReplica): string =>
  `${service}/${replica}${worker === null ? '' : `.${worker}`}`;

function judge(replica: KnownReplica, newest: Revision | undefined, enrolled: readonly string[]): Finding[] {
  const { configuration, readiness, faults, heardAt, isSilent } = replica;
  if (isSilent) return [failed('replica_silent', `It was last heard at ${new Date(heardAt).toISOString()}.`)];
  const why = readiness.reasons.join('; ');
  const known = faults.map((fault) =>
    fault === 'events-not-shipped' || fault === 'queue-unreachable'
      ? warned(BY_FAULT[fault], why)
      : failed(BY_FAULT[fault], why),
  );
  const findings: Finding[] = [...known];
  if (replica.service === 'gateway' && !enrolled.includes(replica.replica))
    findings.push(failed('gateway_not_enrolled', `There is no ${replica.replica}.pub.jwk.`));
  if (newest !== undefined && configuration !== null && !applies(configuration, newest))
    findings.push(failed('replica_behind', `It applies ${configuration.revision}; the newest is ${newest.revision}.`));
  if (findings.length > 0) return findings;
  if (readiness.status === 'not-ready') return [failed('replica_not_ready', why)];
  if (readiness.status === 'degraded') return [warned('replica_degraded', why)];
  return [passed(`It is ready and applies revision ${configuration?.revision ?? '-'}.`)];
}

function judgeClock({ clockOffByMs }: KnownReplica): Finding {
  const seconds = Math.round(Math.abs(clockOffByMs) / 1000);
  if (Math.abs(clockOffByMs) <= OFF_MS) return passed('Both clocks agree.');
  return failed('clock_skewed', `It is ${seconds} s ${clockOffByMs > 0 ? 'ahead' : 'behind'}.`);
}
