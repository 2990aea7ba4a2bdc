import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent, type ModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { adminClient, writeWhoamiPolicy } from '../system/administrator.js';
import { startDistributed } from '../system/start-distributed.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';

/** Half days that have the present moment in them, and that do not, at least an hour off. */
function halfDays(now: Date): { readonly present: string; readonly other: string } {
  const isMorning = now.getUTCHours() < 12;
  const morning = (until: string) => `Mon-Sun 00:00-${until} UTC`;
  const evening = (from: string) => `Mon-Sun ${from}-24:00 UTC`;
  return isMorning
    ? { present: morning('13:30'), other: evening('13:30') }
    : { present: evening('10:30'), other: morning('10:30') };
}
const { present, other } = halfDays(new Date());

describe.each([
  ['in one process', () => startStandalone()],
  ['in many', () => startDistributed()],
])('conditions of a running deployment, %s (R25)', (_mode, start) => {
  let system: System;
  let admin: ReturnType<typeof adminClient>;
  let agent: ModernAgent;
  beforeAll(async () => {
    system = await start();
    admin = adminClient(system);
    agent = await connectModernAgent({
      ...system,
      name: 'Conditioned Agent',
      person: new Person('alice', { agentRedirectUri: system.redirectUri }),
      clientMetadataUrl: system.clientMetadataUrl,
    });
  });
  afterAll(async () => {
    await agent?.close();
    await system?.stop();
  });

  const calls = () =>
    agent.call('whoami__whoami').then(
      () => 'answered',
      () => 'refused',
    );

  test.each([
    ['at this time of day', { conditions: { hours: present } }, 'answered'],
    ['at another', { conditions: { hours: other } }, 'refused'],
    ['from this network', { conditions: { sourceCidrs: ['127.0.0.0/8', '::1/128'] } }, 'answered'],
    ['from another', { conditions: { sourceCidrs: ['198.51.100.0/24'] } }, 'refused'],
    ['with a sign-in of this hour', { conditions: { maxAuthAge: '1h' } }, 'answered'],
    ['by an expression that holds', { when: '"engineering" in user.groups && request.sourceIp != ""' }, 'answered'],
    ['by one that does not', { when: 'agent.assurance == "key-authenticated"' }, 'refused'],
    ['without any', {}, 'answered'],
  ])('let a call through or do not: %s', async (_what, more, expected) => {
    await writeWhoamiPolicy(admin, more);
    expect(await calls()).toBe(expected);
  });

  test('do not let one through whose sign-in has become too old', async () => {
    await writeWhoamiPolicy(admin, { conditions: { maxAuthAge: '1s' } });
    await eventually(async () => expect(await calls()).toBe('refused'), { until: 'a second has passed' });
  });
});
