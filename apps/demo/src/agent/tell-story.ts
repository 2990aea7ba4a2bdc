import { SallyportError } from '@sallyport/kernel';
import type { Page } from '../browser/form-browser.js';
import type { Visitor } from '../browser/walk-pages.js';
import { demoUsers } from '../identity-provider/users.js';
import { notesAccounts } from '../notes/accounts.js';
import { SeenClaims } from '../whoami/verify-gateway-token.js';
import { Administrator, type TrailEvent } from './administrator.js';
import { START, type StoryConfig } from './config.js';
import { DemoAgent, textOf } from './demo-agent.js';
import type { Report } from './report.js';

const REVOCATION_BOUND_MS = 1000;
const TRAIL_WAIT_MS = 10_000;

/**
 * Shows the whole product in one run, against a running system. It leaves connections and notes behind, with which the
 * next run begins.
 * @throws SallyportError that says which step failed
 */
export async function tellStory(config: StoryConfig, report: Report): Promise<void> {
  const began = performance.now();
  const endpoint = new URL('/mcp', config.gatewayUrl);
  await requireRunning(endpoint);
  const administrator = await Administrator.fromDataDir(config.controlPlaneUrl, config.dataDir);
  const before = await administrator.lastSequence();
  report.title('Sallyport', `one endpoint, ${endpoint.href}; two users, two servers, no shared credential`);

  const alice = newAgent('alice', endpoint, report);
  const bob = newAgent('bob', endpoint, report);
  try {
    report.chapter("Alice's agent signs her in");
    await signIn(alice, report);

    report.chapter('Her first call on notes connects her account there');
    await connectNotes(alice, report);
    const note = `Remember the rope (${new Date().toISOString()})`;
    await tool(alice, report, 'notes__add_note', { text: note });
    await tool(alice, report, 'notes__list_notes');
    await readFirstNote(alice, report);

    report.chapter('Another server gets another credential, made for it alone');
    await whoami(alice, report);

    report.chapter("Bob's agent sees none of Alice's notes");
    await signIn(bob, report);
    await connectNotes(bob, report);
    const { ms, value } = await timed(() => bob.call('notes__list_notes'));
    const his = textOf(value);
    if (his.includes(note)) throw new SallyportError('demo_unexpected', "Bob can read Alice's notes.");
    const count = his.split('\n').length;
    report.fact(`notes__list_notes → ${count === 1 ? his : `${count} notes of his own`}`, ms);
    const tools = await bob.toolNames();
    if (tools.includes('notes__add_note'))
      throw new SallyportError('demo_unexpected', 'Bob was offered a tool that his role does not allow.');
    report.refusal('his role is reader: notes__add_note and notes__delete_note are not in his list');

    report.chapter("An administrator revokes Alice's agent");
    await revoke(alice, administrator, endpoint, report);
    await whoami(bob, report);

    report.chapter('The audit trail of this run');
    await printTrail(administrator, before, [alice.clientId, bob.clientId], report);
  } finally {
    await Promise.allSettled([alice.close(), bob.close()]);
  }
  report.end(`Done in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
}

async function requireRunning(endpoint: URL): Promise<void> {
  const metadata = new URL('/.well-known/oauth-protected-resource/mcp', endpoint);
  const answer = await fetch(metadata, { signal: AbortSignal.timeout(5000) }).catch((cause: unknown) => {
    throw new SallyportError(
      'not_running',
      `Sallyport is not running at ${endpoint.origin}. Start it in another terminal: ${START}.`,
      { cause },
    );
  });
  if (!answer.ok)
    throw new SallyportError(
      'not_running',
      `${metadata.href} answered ${answer.status}: what runs there is not Sallyport's gateway, or it is not ready. ` +
        `Start it: ${START}.`,
    );
}

function newAgent(username: string, endpoint: URL, report: Report): DemoAgent {
  const person: Visitor = {
    credentials: (page) => accountFor(username, page),
    onStep: ({ page, action }) => report.page(`${page.url.host}  "${page.title}"  → ${action}`),
  };
  return new DemoAgent({
    name: `Demo agent of ${username}`,
    endpoint,
    person,
    onElicitation: ({ message, url }) => {
      report.fact(`input_required: ${message}`);
      report.detail(`${url.origin}${url.pathname.slice(0, 24)}…`);
    },
    onRequest: ({ method, url, status, ms }) => {
      if (url.pathname !== '/mcp' || status === 401) report.fact(`${method} ${url.host}${url.pathname}  ${status}`, ms);
    },
  });
}

/** The identity provider and the notes service each have their own accounts, which their pages list. */
function accountFor(username: string, page: Page): { username: string; password: string } | undefined {
  const accounts = page.title.includes('Notes') ? notesAccounts : demoUsers;
  const account = accounts.find((candidate) => candidate.username === username);
  return account && { username: account.username, password: account.password };
}

async function signIn(agent: DemoAgent, report: Report): Promise<void> {
  const { ms } = await timed(() => agent.signIn());
  report.fact(`signed in, the agent is ${agent.clientId}`, ms);
  const tools = await timed(() => agent.toolNames());
  report.fact(`tools/list → ${tools.value.join(', ')}`, tools.ms);
}

async function connectNotes(agent: DemoAgent, report: Report): Promise<void> {
  const tools = await agent.toolNames();
  const first = tools.includes('notes__connect') ? 'notes__connect' : 'notes__list_notes';
  const { ms, value } = await timed(() => agent.call(first));
  report.fact(`${first} → ${firstLine(textOf(value))}`, ms);
  const after = await agent.toolNames();
  if (!after.includes('notes__list_notes'))
    throw new SallyportError(
      'demo_unexpected',
      `Notes is connected, but its tools are not listed: ${after.join(', ')}`,
    );
  report.fact(`tools/list → ${after.join(', ')}`);
}

async function tool(agent: DemoAgent, report: Report, name: string, args: Record<string, unknown> = {}): Promise<void> {
  const { ms, value } = await timed(() => agent.call(name, args));
  const lines = textOf(value).split('\n');
  report.fact(`${name} → ${lines.length === 1 ? firstLine(lines[0] ?? '') : `${lines.length} notes`}`, ms);
}

async function readFirstNote(agent: DemoAgent, report: Report): Promise<void> {
  const { resources } = await agent.client.listResources();
  const note = resources.find(({ uri }) => uri.includes('note://'));
  if (note === undefined)
    throw new SallyportError(
      'demo_unexpected',
      `No note among the resources: ${resources.map(({ uri }) => uri).join(', ')}`,
    );
  const { ms, value } = await timed(() => agent.client.readResource({ uri: note.uri }));
  const [content] = value.contents;
  report.fact(
    `resources/read ${note.uri} → ${content !== undefined && 'text' in content ? firstLine(content.text) : 'a blob'}`,
    ms,
  );
}

async function whoami(agent: DemoAgent, report: Report): Promise<void> {
  const { ms, value } = await timed(() => agent.call('whoami__whoami'));
  const claims = SeenClaims.parse(value.structuredContent);
  if (claims.act.sub !== agent.clientId)
    throw new SallyportError('demo_unexpected', `whoami saw ${claims.act.sub} acting, not ${agent.clientId}.`);
  report.fact('whoami__whoami → what the server learns', ms);
  report.detail(
    [
      `for (sub)   ${claims.sub}`,
      `by (act)    ${claims.act.sub}`,
      `at (aud)    ${claims.aud}`,
      `scope       ${claims.scope}`,
      `lives       ${claims.exp - claims.iat} s`,
    ].join('\n'),
  );
}

async function revoke(agent: DemoAgent, administrator: Administrator, endpoint: URL, report: Report): Promise<void> {
  const token = agent.accessToken;
  const { ms } = await timed(() => administrator.revokeAgent(agent.clientId, 'demonstration'));
  report.fact('POST /v1/revocations', ms);
  const began = performance.now();
  for (;;) {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: '{}',
    });
    await response.text();
    const waited = performance.now() - began;
    if (response.status === 401) {
      report.refusal(
        `its token is refused: 401 ${firstLine(response.headers.get('www-authenticate') ?? '').slice(0, 60)}…`,
        waited,
      );
      break;
    }
    if (waited > REVOCATION_BOUND_MS)
      throw new SallyportError(
        'demo_unexpected',
        `The revoked agent's token still works ${Math.round(waited)} ms after the revocation ` +
          `(status ${response.status}).`,
      );
    await pause(10);
  }
  if (agent.refreshToken === undefined || agent.tokenEndpoint === undefined) return;
  const refreshed = await fetch(agent.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: agent.clientId,
      refresh_token: agent.refreshToken,
    }),
  });
  if (refreshed.ok) throw new SallyportError('demo_unexpected', 'The revoked agent got a new token.');
  report.refusal(`and it gets no new one: ${refreshed.status} ${firstLine(await refreshed.text()).slice(0, 60)}`);
}

async function printTrail(
  administrator: Administrator,
  before: number,
  agents: readonly string[],
  report: Report,
): Promise<void> {
  const deadline = performance.now() + TRAIL_WAIT_MS;
  const isOurs = ({ clientId }: TrailEvent) => clientId === undefined || clientId === null || agents.includes(clientId);
  let events: TrailEvent[] = [];
  for (;;) {
    events = (await administrator.eventsAfter(before)).filter(isOurs);
    const isComplete =
      events.some(({ type }) => type === 'revocation.created') &&
      agents.every((agent) =>
        events.some((event) => event.type === 'mcp.response' && event.clientId === agent && event.server === 'whoami'),
      );
    if (isComplete) break;
    if (performance.now() > deadline)
      throw new SallyportError(
        'demo_unexpected',
        `The audit trail lacks this run's events after ${TRAIL_WAIT_MS / 1000} s.`,
      );
    await pause(200);
  }
  for (const event of events.filter(({ type }) => type !== 'mcp.response')) report.detail(describeEvent(event));
  report.fact(`${events.length} events: user, agent, server, tool, decision, and the policies that decided`);
}

function describeEvent(event: TrailEvent): string {
  const { detail } = event;
  const time = new Date(event.at).toISOString().slice(11, 23);
  const policies = detail?.policies
    ? [detail.policies.clientToGateway, detail.policies.gatewayToServer].filter(Boolean).join(' + ')
    : undefined;
  const outcome =
    detail?.decision === undefined ? detail?.reason : `${detail.decision}${policies ? ` by ${policies}` : ''}`;
  const what = [detail?.method, event.server, event.tool ?? detail?.target].filter(Boolean).join(' ');
  const columns = [
    time,
    event.type.padEnd(20),
    shortId(event.userId).padEnd(8),
    (event.agentName ?? shortId(event.clientId)).padEnd(20),
    [what, outcome].filter(Boolean).join('  → '),
  ];
  return columns.join('  ').trimEnd();
}

/** The end of an id, which tells ids apart. Their beginning is the time they were made. */
const shortId = (id: string | null | undefined): string => (id ? `…${id.slice(-6)}` : '');

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const began = performance.now();
  const value = await work();
  return { value, ms: performance.now() - began };
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
