import { randomBytes } from 'node:crypto';
import { Secret } from '@sallyport/kernel';
import { Sealer } from '@sallyport/keys';
import { expect, test } from 'vitest';
import { openConnectTicket, sealConnectTicket } from './connect-ticket.js';

const sealer = new Sealer(new Secret<Uint8Array>(randomBytes(32)));
const ticket = {
  userId: 'usr_1',
  agent: { clientId: 'https://agent.example/client.json', agentName: 'Agent', sid: 'ses_1' },
  server: 'notes',
  credentialProvider: 'notes-user',
  replaces: null,
};
const MINUTE = 60_000;

test('a ticket is good for fifteen minutes and says whom it is for (S16)', () => {
  const text = sealConnectTicket(ticket, sealer, () => 1_000);
  expect(openConnectTicket(text, sealer, () => 1_000 + 15 * MINUTE)).toEqual({
    type: 'valid',
    ticket: { ...ticket, issuedAt: 1_000 },
  });
  expect(openConnectTicket(text, sealer, () => 1_001 + 15 * MINUTE)).toEqual({ type: 'expired' });
});

test('a ticket shows nothing to whoever holds the link, and fits a URL path segment', () => {
  const text = sealConnectTicket(
    { ...ticket, agent: { ...ticket.agent, clientId: `https://agent.example/${'x'.repeat(2_000)}` } },
    sealer,
    () => 1_000,
  );
  expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(text.length).toBeLessThan(8_192);
  expect(Buffer.from(text, 'base64url').includes('usr_1')).toBe(false);
});

test('a ticket altered, of another deployment or of another purpose does not open (S16)', () => {
  const text = sealConnectTicket(ticket, sealer, () => 1_000);
  const others = [
    `${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`,
    text.slice(0, 40),
    '',
    '%00',
    `${text}?x`,
    `${text}\\..\\session`,
    `${text}.`,
    ` ${text}`,
    sealConnectTicket(ticket, new Sealer(new Secret<Uint8Array>(randomBytes(32))), () => 1_000),
    sealer.seal('connect-flow', JSON.stringify({ ...ticket, issuedAt: 1_000 }), '').toString('base64url'),
  ];
  for (const other of others) expect(openConnectTicket(other, sealer, () => 1_000)).toEqual({ type: 'invalid' });
});
