import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { administrator } from '../system/administrator.js';
import { connectLegacyAgent } from '../agents/legacy-agent.js';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import type { Agent } from '../agents/agent.js';
import type { PersonName } from '../agents/person.js';
import type { System } from '../system/system.js';

interface SeatedAgent {
  readonly agent: Agent;
  readonly person: Person;
}

/** The main job, told twice: by today's client and by the one most people run. */
export function describeWholePath(system: () => System): void {
  const generations = [
    {
      title: 'the 2026-07-28 client, known by its metadata document (R19)',
      name: 'Modern Agent',
      connect: (person: Person) =>
        connectModernAgent({
          gatewayUrl: system().gatewayUrl,
          name: 'Modern Agent',
          redirectUri: system().redirectUri,
          person,
          clientMetadataUrl: system().clientMetadataUrl,
        }),
    },
    {
      title: 'the 2025-11-25 client, registered dynamically (R18)',
      name: 'Legacy Agent',
      connect: (person: Person) =>
        connectLegacyAgent({
          gatewayUrl: system().gatewayUrl,
          name: 'Legacy Agent',
          redirectUri: system().redirectUri,
          person,
        }),
    },
  ] as const;

  describe.each(generations)('$title', ({ name, connect }) => {
    const seats = {} as Record<PersonName, SeatedAgent>;
    const seat = async (personName: PersonName) => {
      const person = new Person(personName, { agentRedirectUri: system().redirectUri });
      seats[personName] = { person, agent: await connect(person) };
    };
    beforeAll(async () => {
      await seat('alice');
      await seat('bob');
    });

    test('discovers, signs its user in at the identity provider, and holds a token good only at the gateway (R8, R14)', () => {
      const claims = decodeJwt(seats.alice.agent.token());
      expect(claims).toMatchObject({
        iss: system().issuer,
        aud: `${system().gatewayUrl}/mcp`,
        idp: 'demo',
        idp_sub: 'idp|alice',
        sid: expect.stringMatching(/^ses_/),
        client_id: expect.any(String),
      });
      expect(claims.sub).toMatch(/^usr_/);
      expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeLessThanOrEqual(15 * 60);
      expect(claims.sub).not.toBe(decodeJwt(seats.bob.agent.token()).sub);
    });

    test('its user was shown who asks and where the answer goes, and agreed (R20)', () => {
      const consent = seats.alice.person.visited.filter(({ text }) => text.includes(name));
      expect(consent.length).toBeGreaterThan(0);
      expect(consent.some(({ text }) => text.includes('127.0.0.1'))).toBe(true);
    });

    test('one endpoint shows the tools of both servers under their prefixes (R52, R57)', async () => {
      const tools = await seats.alice.agent.toolNames();
      expect(tools).toContain('whoami__whoami');
      expect(tools.some((tool) => tool.startsWith('notes__'))).toBe(true);
    });

    test('the server that trusts the gateway sees who acts for whom, and a token for itself alone (R1, R3, R55)', async () => {
      const { text, isError } = await seats.alice.agent.call('whoami__whoami');
      expect(isError).toBe(false);
      const agentToken = decodeJwt(seats.alice.agent.token());
      expect(JSON.parse(text)).toMatchObject({
        aud: system().demo.urls.whoami,
        sub: agentToken.sub,
        act: { sub: agentToken['client_id'] },
      });
      expect(system().downstream.presentedTo(system().demo.urls.whoami)).not.toContain(seats.alice.agent.token());
    });

    test('the first call on a server that wants consent leads through it once, later calls reuse it (R35, R37)', async () => {
      const { agent } = seats.alice;
      await connectNotes(agent);
      const links = agent.openedLinks.length;
      const added = await agent.call('notes__add_note', { text: `a note of alice by ${name}` });
      expect(added).toMatchObject({ isError: false });
      expect((await agent.call('notes__list_notes')).text).toContain(`a note of alice by ${name}`);
      expect(agent.openedLinks.length).toBe(links);
    });

    test("nobody is served with another's credential (R26, R39)", async () => {
      await connectNotes(seats.bob.agent);
      const notes = await seats.bob.agent.call('notes__list_notes');
      expect(notes.isError).toBe(false);
      expect(notes.text).not.toContain('a note of alice');
    });

    test('a tool its user has no scope for is refused however it is called (R30, R31)', async () => {
      expect(await seats.bob.agent.toolNames()).not.toContain('notes__add_note');
      const outcome = await seats.bob.agent
        .call('notes__add_note', { text: 'x' })
        .catch((error: unknown) => ({ isError: true, text: String(error) }));
      expect(outcome.isError).toBe(true);
      expect((await seats.bob.agent.call('notes__list_notes')).text).not.toContain('"x"');
    });

    test('resources are listed from all servers and read from the right one (R60, R61)', async () => {
      const uris = await seats.alice.agent.resourceUris();
      const [me, note] = [uris.find((uri) => uri.includes('whoami')), uris.find((uri) => uri.includes('note'))];
      expect(me && (await seats.alice.agent.read(me))).toContain(decodeJwt(seats.alice.agent.token()).sub);
      expect(note && (await seats.alice.agent.read(note))).toContain('a note of alice');
    });

    test('nothing the agent received and no log line holds a token of a server, and no server saw a token of the agent (R45, R50)', async () => {
      const { downstream, demo } = system();
      const secrets = [
        ...downstream.issued(),
        ...downstream.presentedTo(demo.urls.notes),
        ...downstream.presentedTo(demo.urls.whoami),
      ];
      expect(secrets.length).toBeGreaterThanOrEqual(4);
      const received = [
        await seats.alice.agent.recording.text(),
        await seats.bob.agent.recording.text(),
        ...Object.values(seats).flatMap(({ person }) => person.visited.map(({ html, url }) => `${url.href}\n${html}`)),
      ].join('\n');
      const agentTokens = Object.values(seats).flatMap(({ agent }) => [
        agent.token(),
        agent.refreshToken() ?? agent.token(),
      ]);
      const logs = system().logs();
      for (const secret of secrets) {
        expect(received.includes(secret)).toBe(false);
        expect(logs.includes(secret)).toBe(false);
      }
      for (const token of agentTokens) {
        expect(logs.includes(token)).toBe(false);
        expect([...downstream.presentedTo(demo.urls.notes), ...downstream.presentedTo(demo.urls.whoami)]).not.toContain(
          token,
        );
      }
    });

    test('every call is in the trail with user, agent, server, tool, decision and the policies that decided (R75, R79)', async () => {
      const { sub, client_id: clientId } = decodeJwt(seats.alice.agent.token());
      await expect
        .poll(
          async () =>
            (await administrator(system()).events({ userId: String(sub) }))
              .filter(
                (event) => event.type === 'mcp.request' && event.clientId === clientId && event.server === 'notes',
              )
              .map((event) => JSON.stringify(event))
              .join('\n'),
          { timeout: 10_000 },
        )
        .toMatch(/add_note.*notes-for-employees|notes-for-employees.*add_note/);
    });
  });
}

/** While nothing is known of the server's tools there is one tool that connects; afterwards the tools are there. */
async function connectNotes(agent: Agent): Promise<void> {
  const tools = await agent.toolNames();
  if (!tools.includes('notes__connect')) return;
  const { isError } = await agent.call('notes__connect');
  expect(isError).toBe(false);
  await expect.poll(() => agent.toolNames()).toContain('notes__list_notes');
}
