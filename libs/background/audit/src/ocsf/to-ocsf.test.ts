import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AuditEvent } from '../audit-event.js';
import { AuditEventType, ErrorClass, EVENT_KINDS, Outcome } from '../event-types.js';
import { toEvents } from '../index.js';
import { DETAIL_MEANINGS } from '../testing/event-details.js';
import { exampleEvent, exampleRecord } from '../testing/event-examples.js';
import { OCSF_VERSIONS, toOcsf } from './index.js';
import type { OcsfVersion } from './index.js';

const VERSIONS = Object.keys(OCSF_VERSIONS) as OcsfVersion[];

interface Captions {
  readonly sibling: string;
  readonly of: Readonly<Record<string, string>>;
}

/** The attribute beside an enumeration has its caption; beside 99 (other) it has to be there, in the source's words. */
function hasCaption(captions: Captions, value: unknown, siblings: Readonly<Record<string, unknown>>): boolean {
  const said = siblings[captions.sibling];
  if (value === 99) return typeof said === 'string' && said !== '';
  return said === undefined || said === captions.of[String(value)];
}

function compiled(version: OcsfVersion): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });
  ajv.addKeyword({
    keyword: 'captions',
    validate: (captions: Captions, value: unknown, _: unknown, at?: { parentData: Record<string, unknown> }) =>
      hasCaption(captions, value, at?.parentData ?? {}),
  });
  const file = join(import.meta.dirname, 'testing', `ocsf-${version}.schema.json`);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { $comment: string };
  expect(schema.$comment).toMatch(`OCSF ${OCSF_VERSIONS[version]}, `);
  return ajv.compile(schema);
}

const validators = Object.fromEntries(VERSIONS.map((version) => [version, compiled(version)])) as Record<
  OcsfVersion,
  ValidateFunction
>;

/** What the schema of the version says against it, as it goes over the wire. */
function faultsOf(ocsf: object, version: OcsfVersion): string[] {
  const validate = validators[version];
  validate(JSON.parse(JSON.stringify(ocsf)));
  return (validate.errors ?? []).map(
    ({ instancePath, message = '', params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

const ofEach = VERSIONS.flatMap((version) => AuditEventType.options.map((type) => [type, version] as const));

test.each(ofEach)('the example of %s is sound in OCSF %s', (type, version) => {
  expect(faultsOf(toOcsf({ ...exampleEvent(type), sequence: 7 }, version), version)).toEqual([]);
});

const text = fc.oneof(fc.string(), fc.constantFrom('a b', '198.51.100.9', '2001:db8::1', 'fe80::1%eth0', 'tools/list'));
const json = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
  fc.constant('2026-11-30T09:30:00.000Z'),
  fc.dictionary(text, text, { maxKeys: 2 }),
  fc.array(text, { maxLength: 2 }),
);
const names = [
  'userId',
  'trustProvider',
  'clientId',
  'agentName',
  'sid',
  'server',
  'writer',
  'userName',
  'serverTitle',
];
const moreNames = ['account', 'tool', 'address', 'traceId', 'code'];
const anyEvent: fc.Arbitrary<AuditEvent> = fc
  .record(
    {
      id: text,
      at: fc.integer({ min: 0, max: 4_102_444_800_000 }),
      replica: text,
      type: fc.constantFrom(...AuditEventType.options),
      detail: fc.dictionary(fc.constantFrom(...Object.keys(DETAIL_MEANINGS), 'unheard'), json),
      ...Object.fromEntries([...names, ...moreNames].map((name) => [name, text])),
      outcome: fc.constantFrom(...Outcome.options),
      errorClass: fc.constantFrom(...ErrorClass.options),
      n: fc.integer({ min: 1 }),
    },
    { requiredKeys: ['id', 'at', 'replica', 'type', 'detail'] },
  )
  .map((made) => AuditEvent.safeParse(structuredClone(made)).data)
  .filter((event) => event !== undefined);

test.each(VERSIONS)('whatever an event has in its fields, it is sound in OCSF %s', (version) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyEvent, (event) => {
      seen.add(event.type);
      expect(faultsOf(toOcsf(event, version), version)).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
  expect(seen.size).toBe(AuditEventType.options.length);
});

/** Every text, number and truth in a value. */
function factsIn(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(factsIn);
  return [typeof value === 'string' ? value : JSON.stringify(value)];
}

/** Facts that are written otherwise in OCSF: scopes one by one, times as numbers, a route behind its method. */
function rewritten({ scope, from, to, method, route, ...detail }: AuditEvent['detail']): unknown[] {
  const times = [from, to].filter((time) => typeof time === 'string').map((time) => Date.parse(time));
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  const operation = typeof method === 'string' && typeof route === 'string' ? `${method} ${route}` : method;
  return [detail, scopes, times, operation].filter((fact) => fact !== undefined);
}

test.each(ofEach)('nothing that the example of %s says is lost in OCSF %s', (type, version) => {
  const event = { ...exampleEvent(type), n: 4_711, writer: 'w-1' };
  const { outcome: _, detail, ...fields } = event; // the outcome is a status, below
  const said = new Set(factsIn(toOcsf(event, version)));
  expect([...factsIn(fields), ...factsIn(rewritten(detail))].filter((fact) => !said.has(fact))).toEqual([]);
});

test('the schema refuses what is not in it, and what is there without its profile', () => {
  const sound = toOcsf(exampleEvent('mcp.response'), '1.9.0');
  const { metadata, api, ...without } = sound;
  const { profiles, ...bare } = metadata as { profiles: string[] };
  expect(faultsOf(sound, '1.9.0')).toEqual([]);
  expect(profiles).toEqual(['security_control', 'trace', 'ai_operation']);
  expect(faultsOf({ ...sound, weather: 'fine' }, '1.9.0').join()).toContain('weather');
  expect(faultsOf({ ...without, metadata }, '1.9.0').join()).toContain("required property 'api'");
  expect(faultsOf({ ...without, api, metadata: bare }, '1.9.0').join()).toContain("required property 'profiles'");
  expect(faultsOf({ ...sound, activity_id: 2 }, '1.9.0').join()).toContain('/type_uid');
  expect(faultsOf({ ...sound, disposition_id: 98 }, '1.9.0').join()).toContain('/disposition_id');
  expect(faultsOf({ ...sound, severity: 'Fatal' }, '1.9.0').join()).toContain('captions');
  expect(faultsOf(sound, '1.8.0').join()).toContain('ai_agent');
});

test('both events of a call have its id, and OCSF 1.8 has the agent in unmapped', () => {
  const [request, response] = toEvents(exampleRecord('mcp.request')).map((event) => toOcsf(event, '1.8.0'));
  const callId = exampleEvent('mcp.request').detail['callId'];
  expect(request).toMatchObject({ metadata: { correlation_uid: callId }, api: { request: { uid: callId } } });
  expect(response).toMatchObject({
    metadata: { correlation_uid: callId },
    unmapped: { ai_agent: { name: 'Example Agent' } },
  });
});

const outcomes = (outcome: Outcome | undefined, errorClass?: ErrorClass) => {
  const { outcome: _, ...call } = exampleEvent('mcp.response');
  const { status, action, disposition, status_code } = toOcsf(
    { ...call, ...(outcome && { outcome }), ...(errorClass && { errorClass }) },
    '1.9.0',
  );
  return [status, action, disposition, status_code];
};

test('what came of a call is its status, action and disposition', () => {
  expect(outcomes('success')).toEqual(['Success', 'Allowed', 'Allowed', undefined]);
  expect(outcomes('denied', 'denied')).toEqual(['Failure', 'Denied', 'Blocked', 'denied']);
  expect(outcomes('pending', 'connect_required')).toEqual(['Pending', 'Denied', 'Challenge', 'connect_required']);
  expect(outcomes('failure', 'tool_error')).toEqual(['Failure', 'Allowed', 'Error', 'tool_error']);
  expect(outcomes('failure', 'ended')).toEqual(['Failure', 'Allowed', 'Ended', 'ended']);
  expect(outcomes(undefined)).toEqual(['Unknown', undefined, undefined, undefined]);
});

test('an event that an older version stored, without code and outcome, has those of its type', () => {
  const { code, outcome, errorClass, ...old } = exampleEvent('token.refused');
  const { status, status_code, severity, metadata } = toOcsf(old, '1.8.0');
  expect([status, severity]).toEqual(['Failure', 'Low']);
  expect(status_code).toBe(EVENT_KINDS['token.refused'].errorClass);
  expect(metadata).toMatchObject({ event_code: code });
  expect([outcome, errorClass]).toEqual(['denied', 'unauthenticated']);
});
