import { subjects } from '@sallyport/messages';
import { observeConfiguration, reportReplica } from '@sallyport/process';
import { KnownReplicas } from '../status/known-replicas.js';
import type { Foundation } from './foundation.js';
import type { ConfigurationParts } from './open-configuration.js';

/** Subjects whose first unreadable report is logged, and no more of them. */
const MOST_UNREAD = 256;

/** Listens to what every process of the deployment reports. */
export async function followReplicas({ messaging, clock, scope, logger }: Foundation): Promise<KnownReplicas> {
  const replicas = new KnownReplicas({ clock });
  const unread = new Set<string>();
  const unsubscribe = await messaging.broadcast.subscribe(subjects.allReports, (payload, subject) => {
    if (replicas.heard(payload, subject) || unread.has(subject) || unread.size >= MOST_UNREAD) return;
    unread.add(subject);
    logger.warn({ subject }, 'a report of a replica cannot be read: is it of a much newer version?');
  });
  scope.onClose('reports of replicas', unsubscribe);
  return replicas;
}

/** Tells the other control planes, and itself, of this one. */
export function reportControlPlane(
  { config, messaging, metrics, clock, scope }: Foundation,
  { replica: configuration }: ConfigurationParts,
): void {
  const role = 'control-plane';
  reportReplica(scope, { messaging, role, replica: config.replica, configuration, clock });
  observeConfiguration(metrics, { role, configuration, messaging, clock });
}
