import { expect, test } from 'vitest';
import { AuditEventType, codeOf, EVENT_KINDS, SEVERITIES } from './event-types.js';
import type { EventKind } from './event-types.js';

const kinds: [string, EventKind][] = Object.entries(EVENT_KINDS);

test('every type of event has a number that no other type has, in one form (R79)', () => {
  expect(Object.keys(EVENT_KINDS).sort()).toEqual([...AuditEventType.options].sort());
  const numbers = kinds.map(([, { number }]) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const number of numbers) expect(number).toMatch(/^SP[GACW]\d\d$/);
});

test('the code of an event is the number of its type and its severity, which its outcome gives where the type does not (R79)', () => {
  expect([codeOf('mcp.response', 'success'), codeOf('mcp.response', 'failure')]).toEqual(['SPG02I', 'SPG02E']);
  expect([codeOf('mcp.request', 'denied'), codeOf('mcp.request', 'pending')]).toEqual(['SPG01W', 'SPG01I']);
  expect(codeOf('administrator.break_glass', 'success')).toBe('SPC03W');
  expect(codeOf('events.summed', undefined)).toBe('SPG04W');
});

test('what went well is no error, and what did not has a class (R79)', () => {
  for (const [type, { outcome, errorClass, severity }] of kinds) {
    if (outcome === undefined) continue;
    expect(errorClass !== undefined, type).toBe(outcome !== 'success');
    if (outcome !== 'success') expect(severity ?? SEVERITIES[outcome], type).not.toBe('I');
  }
});

test('numbers that are out in the world stay what they are (R79)', () => {
  expect(Object.fromEntries(kinds.map(([type, { number }]) => [number, type]))).toMatchInlineSnapshot(`
    {
      "SPA01": "user.signed_in",
      "SPA02": "user.sign_in_failed",
      "SPA03": "user.signed_out",
      "SPA04": "agent.registered",
      "SPA05": "agent.registration_removed",
      "SPA06": "agent.consented",
      "SPA07": "agent.consent_denied",
      "SPA08": "token.issued",
      "SPA09": "token.refreshed",
      "SPA10": "token.refused",
      "SPA11": "token.revoked",
      "SPA12": "limit.exceeded",
      "SPA13": "signing_key.created",
      "SPC01": "administrator.request",
      "SPC02": "administrator.refused",
      "SPC03": "administrator.break_glass",
      "SPC04": "configuration.changed",
      "SPC05": "configuration.drifted",
      "SPC06": "revocation.created",
      "SPC07": "connection.created",
      "SPC08": "connection.consented",
      "SPC09": "connection.removed",
      "SPC10": "connection.revoked_upstream",
      "SPC11": "lease.refused",
      "SPC12": "agent.registration_removal_requested",
      "SPC13": "signing_key.rotation_requested",
      "SPC14": "signing_key.withdrawn",
      "SPC15": "vault_key.created",
      "SPC16": "vault_key.removed",
      "SPC17": "audit.checkpoint",
      "SPC18": "audit.records_missing",
      "SPC19": "audit.key_created",
      "SPC20": "log_stream.tested",
      "SPC21": "event_export.created",
      "SPC22": "event_export.downloaded",
      "SPG01": "mcp.request",
      "SPG02": "mcp.response",
      "SPG03": "tool.listed",
      "SPG04": "events.summed",
      "SPG05": "mcp.content",
      "SPW01": "connection.refreshed",
      "SPW02": "connection.refresh_failed",
      "SPW03": "connection.needs_reconnect",
      "SPW04": "credential-provider.paused",
      "SPW05": "credential-provider.resumed",
      "SPW06": "client-registration.dropped",
    }
  `);
});
