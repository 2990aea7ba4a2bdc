import { z } from 'zod';
import type { AuditEvent } from '../audit-event.js';
import { EVENT_KINDS } from '../event-types.js';
import { present } from './details.js';
import type { Details } from './details.js';
import { entityOf } from './entity.js';
import type { Mapping } from './mappings.js';
import type { OcsfVersion } from './versions.js';

/** Attributes of the class of an event, and what of the event they do not say. */
export interface Parts {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly unmapped: Readonly<Record<string, unknown>>;
  /** What the events of one call have in common. */
  readonly callId?: string | undefined;
}

/** Where OCSF wants a user, an actor or an endpoint, and nobody knows who or where it was. */
const UNKNOWN = 'Unknown';

export function partsOf(event: AuditEvent, mapping: Mapping, details: Details, version: OcsfVersion): Parts {
  switch (mapping.class) {
    case 'apiActivity':
      return apiParts(event, details, version);
    case 'authentication':
      return iamParts(event, details, version, {
        user: userOf(event),
        service: { name: 'Sallyport' },
        session: sessionOf(event),
      });
    case 'authorizeSession':
      return iamParts(event, details, version, {
        user: userOf(event),
        session: sessionOf(event),
        privileges: privilegesOf(details),
      });
    case 'userAccess':
      return iamParts(event, details, version, {
        user: userOf(event),
        privileges: privilegesOf(details),
        resources: resourcesOf(event),
      });
    case 'entityManagement':
      return iamParts(event, details, version, { entity: entityOf(event, mapping.entity, details) });
    case 'detectionFinding':
      return findingParts(event, details, version);
    default:
      return mapping satisfies never;
  }
}

function apiParts(event: AuditEvent, details: Details, version: OcsfVersion): Parts {
  const { server, serverTitle, errorClass, traceId } = event;
  const { inOcsf, unmapped } = agentOf(event, version);
  const [method = UNKNOWN, route] = [details.text('method'), details.text('route')];
  const callId = details.text('callId');
  const code = details.integer('errorCode');
  const target = details.text('target');
  const response = code === undefined ? undefined : present({ code, error: errorClass });
  return {
    attributes: {
      ...present({
        actor: actorOf(event, details) ?? { app_name: UNKNOWN },
        api: present({
          operation: route === undefined ? method : `${method} ${route}`,
          version: details.text('protocolVersion'),
          service: server === undefined ? undefined : { uid: server, name: serverTitle ?? server },
          request: callId === undefined ? undefined : { uid: callId },
          response,
        }),
        src_endpoint: endpointOf(event) ?? { name: UNKNOWN },
        resources: resourcesOf(event, target),
        http_response: httpResponseOf(event, details),
        trace: traceId === undefined ? undefined : { uid: traceId },
      }),
      ...inOcsf,
    },
    unmapped,
    callId,
  };
}

function iamParts(event: AuditEvent, details: Details, version: OcsfVersion, own: Record<string, unknown>): Parts {
  const { server, serverTitle, tool, account, traceId } = event;
  const { inOcsf, unmapped } = agentOf(event, version);
  const placed = own['resources'] === undefined ? { server, serverTitle, tool, account } : {};
  return {
    attributes: {
      ...present({ actor: actorOf(event, details), src_endpoint: endpointOf(event), ...own }),
      ...inOcsf,
    },
    unmapped: { ...placed, traceId, ...unmapped },
  };
}

/** What was counted, and over which time. */
function findingParts(event: AuditEvent, details: Details, version: OcsfVersion): Parts {
  const { id, at, type, server, serverTitle, tool, account, traceId } = event;
  const { title, description } = EVENT_KINDS[type];
  const { inOcsf, unmapped } = agentOf(event, version);
  const evidence = present({ actor: actorOf(event, details), src_endpoint: endpointOf(event) });
  return {
    attributes: {
      finding_info: { uid: id, title, desc: description, created_time: at, types: [type] },
      ...present({
        count: details.integer('count') ?? details.integer('refusedSinceLastRecord'),
        start_time: details.time('from'),
        end_time: details.time('to'),
        evidences: evidence === undefined ? undefined : [{ ...evidence, ...inOcsf }],
      }),
    },
    unmapped: { server, serverTitle, tool, account, traceId, ...unmapped },
  };
}

function userOf({ userId, userName }: AuditEvent): Record<string, unknown> {
  if (userId === undefined && userName === undefined) return { name: UNKNOWN, type_id: 0, type: 'Unknown' };
  return { ...present({ uid: userId, name: userName }), type_id: 1, type: 'User' };
}

const sessionOf = ({ sid }: AuditEvent) => (sid === undefined ? undefined : { uid: sid });

function actorOf(event: AuditEvent, details: Details): Record<string, unknown> | undefined {
  const { userId, userName, clientId, agentName, trustProvider } = event;
  const who = present({
    user: userId === undefined && userName === undefined ? undefined : userOf(event),
    session: sessionOf(event),
    app_uid: clientId,
    app_name: agentName ?? details.text('actor'),
  });
  const context = present({
    idp: trustProvider === undefined ? undefined : { uid: trustProvider, name: trustProvider },
    authorizations: authorizationsOf(details),
  });
  if (who === undefined && context === undefined) return undefined;
  return { ...(who ?? { app_name: UNKNOWN }), ...context };
}

/** What each hop decided, by which policy. */
function authorizationsOf(details: Details): readonly object[] | undefined {
  const decision = details.text('decision');
  const policies = Object.entries(details.object('policies') ?? {}).map(([hop, name]) =>
    present({ decision, policy: { name: String(name), type: hop } }),
  );
  if (policies.length > 0) return policies.filter((one) => one !== undefined);
  return decision === undefined ? undefined : [{ decision }];
}

/** Scopes, where the event is about scopes. */
const privilegesOf = (details: Details): readonly string[] => details.text('scope')?.split(' ') ?? [];

const Ip = z.union([z.ipv4(), z.ipv6()]);

function endpointOf({ address }: AuditEvent): Record<string, unknown> | undefined {
  if (address === undefined) return undefined;
  return Ip.safeParse(address).success ? { ip: address } : { name: address };
}

/** The tool as agents call it, or the server; the account there; what was asked for by name. */
function resourcesOf({ server, serverTitle, tool, account }: AuditEvent, target?: string): object[] | undefined {
  const at = server === undefined ? '' : `${server}::`;
  const resources = [
    ...(tool === undefined ? [] : [{ uid: `${at}${tool}`, name: tool, type: 'tool' }]),
    ...(target === undefined ? [] : [{ uid: `${at}${target}`, name: target, type: 'target' }]),
    ...(server === undefined ? [] : [{ uid: server, name: serverTitle ?? server, type: 'server' }]),
    ...(account === undefined ? [] : [{ name: account, type: 'account' }]),
  ];
  return resources.length === 0 ? undefined : resources;
}

/** Whole milliseconds; `durationMs` in `unmapped` is as it was measured. */
function latencyOf({ detail }: AuditEvent): number | undefined {
  const duration = detail['durationMs'];
  return typeof duration === 'number' ? Math.round(duration) : undefined;
}

function httpResponseOf(event: AuditEvent, details: Details): Record<string, unknown> | undefined {
  const code = details.integer('httpStatus');
  return code === undefined
    ? undefined
    : present({ code, latency: latencyOf(event), body_length: details.integer('responseBytes') });
}

/** OCSF knows agents from 1.9 on, as what acts; `actor.app_uid` has them in both. */
function agentOf(
  { clientId, agentName }: AuditEvent,
  version: OcsfVersion,
): { readonly inOcsf: object; readonly unmapped: Readonly<Record<string, unknown>> } {
  const agent = present({ uid: clientId, name: agentName });
  if (agent === undefined) return { inOcsf: {}, unmapped: {} };
  return version === '1.8.0'
    ? { inOcsf: {}, unmapped: { ai_agent: agent } }
    : { inOcsf: { ai_agent: agent }, unmapped: {} };
}
