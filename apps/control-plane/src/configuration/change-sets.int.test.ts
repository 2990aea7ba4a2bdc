import { eventually } from '@sallyport/testing';
import { describe, expect, it } from 'vitest';
import { writeDeployment, type Administered } from '../test/write-deployment.js';

const { start, follow, database } = writeDeployment();

const server = (name: string, part: object = {}) => ({
  kind: 'McpServer',
  name,
  spec: { url: `https://${name}.example/mcp`, ...part },
});
const provider = (name: string, secret: object = { value: 'hunter2-of-notes' }) => ({
  kind: 'CredentialProvider',
  name,
  spec: {
    type: 'static',
    server: name,
    owner: 'shared',
    origin: `https://${name}.example`,
    send: { as: 'bearer' },
    secret,
  },
});
const policy = (name: string, of: string) => ({
  kind: 'AccessPolicy',
  name,
  spec: { hop: 'gateway-to-server', server: of, credentialProvider: of, tools: [{ match: ['*'] }] },
});
const FILE = 'kind: McpServer\nname: notes\nspec: { url: https://notes.example/mcp }\n';
const apply = (admin: Administered, change: object, query = '') =>
  admin.call('POST', `/v1/change-sets${query}`, { set: null, documents: [], ...change });
const metadataOf = async (admin: Administered, path: string) =>
  (await admin.call('GET', `/v1/documents/${path}`)).body.metadata;
const names = (documents: readonly { kind: string; name: string }[]) =>
  documents.map(({ kind, name }) => `${kind}/${name}`);

describe('a change set', () => {
  it('is written wholly, reaches replicas at once, and says who wrote it; a wrong one changes nothing (R70) (S27)', async () => {
    const admin = await start();
    const replica = await follow();
    const documents = [server('notes'), provider('notes'), policy('notes', 'notes')];
    const written = await apply(admin, { set: 'platform', documents, note: 'first servers' }, '?wait=live');
    expect(written).toMatchObject({
      status: 200,
      body: { revision: 2, changed: true, live: { isLive: true, behind: [] } },
    });
    expect(written.headers.get('sallyport-revision')).toBe('2');
    expect(written.body.plan.changes.map(({ action }: { action: string }) => action)).toEqual([
      'create',
      'create',
      'create',
    ]);
    await eventually(() => replica.snapshot().documents.size === 3);
    expect(await metadataOf(admin, 'McpServer/notes')).toMatchObject({
      set: 'platform',
      revision: 2,
      changedBy: { type: 'token' },
    });

    const wrong = await apply(admin, {
      set: 'platform',
      documents: [
        server('mail'),
        { ...policy('mail', 'mail'), origin: 'policies.yaml:7' },
        { ...server('x'), spec: { uri: 1 } },
      ],
    });
    expect(wrong).toMatchObject({ status: 422, body: { type: 'urn:sallyport:problem:invalid-documents' } });
    expect(wrong.body.errors).toContainEqual(
      expect.objectContaining({ pointer: '/documents/2/spec/uri', kind: 'McpServer', name: 'x' }),
    );
    const missing = await apply(admin, {
      documents: [server('mail'), { ...policy('mail', 'mail'), origin: 'policies.yaml:7' }],
    });
    expect(missing.body.errors).toContainEqual(
      expect.objectContaining({ pointer: '/documents/1/spec/credentialProvider', origin: 'policies.yaml:7' }),
    );
    expect((await admin.call('GET', '/v1/documents')).body).toMatchObject({ revision: 2, documents: { length: 3 } });
    expect((await apply(admin, { set: 'platform', documents })).body).toMatchObject({ revision: 2, changed: false });
  });

  it('says with dryRun what it would do, and does nothing (R70)', async () => {
    const admin = await start(FILE);
    const planned = await apply(admin, { documents: [server('mail')] }, '?dryRun=true');
    expect(planned.body).toMatchObject({
      revision: 1,
      changed: false,
      plan: { changes: [{ action: 'create', kind: 'McpServer', name: 'mail' }] },
    });
    expect(await database().configurationDocument.count()).toBe(1);
  });

  it('of two writers with one base wins once; revocations move no base (R70)', async () => {
    const admin = await start(FILE);
    const { epoch, revision } = (await admin.call('GET', '/v1/documents')).body;
    expect((await admin.call('POST', '/v1/revocations', { agent: 'agent-1' })).status).toBe(201);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        apply(admin, { base: { epoch, revision }, documents: [server(`mail-${i}`)] }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({
      type: 'urn:sallyport:problem:base-moved',
      current: { epoch },
    });
    expect(await database().configurationDocument.count()).toBe(2);
    const otherEpoch = await apply(admin, { base: { epoch: 'other', revision: 99 }, documents: [server('mail')] });
    expect(otherEpoch.status).toBe(409);
  });

  it('touches no document of another owner, unless it takes it over; drift is in the trail (R70)', async () => {
    const admin = await start();
    await apply(admin, { set: 'a', documents: [server('one'), server('two')] });
    await apply(admin, { set: 'b', documents: [server('three')] });
    await apply(admin, { documents: [server('hand')] });
    const changed = (name: string) => server(name, { timeout: '5s' });
    for (const [owner, change] of [
      ['set a (McpServer/one)', { set: 'b', documents: [changed('one')] }],
      ['set a (McpServer/one)', { set: null, documents: [changed('one')] }],
      ['by hand (McpServer/hand)', { set: 'a', documents: [changed('hand')] }],
      ['set b (McpServer/three)', { set: 'a', documents: [], deletes: [{ kind: 'McpServer', name: 'three' }] }],
    ] as const)
      expect(await apply(admin, change)).toMatchObject({
        status: 409,
        body: {
          type: 'urn:sallyport:problem:owned-elsewhere',
          detail: expect.stringContaining(owner),
          documents: [{ kind: 'McpServer' }],
        },
      });
    const pruned = await apply(admin, { set: 'a', documents: [server('one')], prune: true });
    expect(pruned.body.plan.changes).toMatchObject([{ action: 'delete', name: 'two' }]);
    expect(names((await admin.call('GET', '/v1/documents?kind=McpServer')).body.documents)).toEqual([
      'McpServer/hand',
      'McpServer/one',
      'McpServer/three',
    ]);
    expect((await apply(admin, { documents: [], prune: true })).status).toBe(422);

    expect((await apply(admin, { documents: [changed('one')], takeOver: true })).status).toBe(200);
    expect(await metadataOf(admin, 'McpServer/one')).toMatchObject({ set: null });
    const drift = (await admin.call('GET', '/v1/events?type=configuration.drifted')).body.events;
    expect(drift).toMatchObject([
      { detail: { set: 'a', documents: 'McpServer/one', actor: 'token:administrator-token' } },
    ]);
  });

  it('keeps secrets sealed: given in place or beside, and in no answer, event, log, history or plan (S30) (R70)', async () => {
    const admin = await start();
    const heard: string[] = [];
    const say = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
      const answer = await admin.call(method, path, body, headers);
      heard.push(answer.text, JSON.stringify([...answer.headers]));
      return answer;
    };
    const change = (documents: object[], secrets = {}) =>
      say('POST', '/v1/change-sets', { set: null, documents, secrets });
    expect((await change([server('notes'), provider('notes', { stored: true })])).body.errors).toMatchObject([
      { pointer: '/documents/1/spec/secret', message: expect.stringContaining('CredentialProvider/notes/secret') },
    ]);
    expect((await change([server('notes'), provider('notes', { env: 'HUNTER' })])).status).toBe(422);
    expect((await change([server('notes'), provider('notes')])).status).toBe(200);
    expect((await say('GET', '/v1/documents/CredentialProvider/notes')).body.spec.secret).toEqual({ stored: true });
    const row = () => database().storedSecret.findUniqueOrThrow({ where: { name: 'CredentialProvider/notes/secret' } });
    const first = await row();
    expect((await change([provider('notes', { stored: true })])).body).toMatchObject({ changed: false });
    expect((await change([provider('notes')])).body).toMatchObject({ changed: false });
    expect(await row()).toEqual(first);
    const beside = { 'CredentialProvider/notes/secret': 'hunter3-of-notes' };
    const renewed = await change([provider('notes', { env: 'HUNTER' })], beside);
    expect(renewed.body.plan.changes).toMatchObject([
      { action: 'update', fields: [{ path: 'spec.secret', secret: true }] },
    ]);
    const same = await change([provider('notes', { env: 'HUNTER' })], { 'CredentialProvider/notes/secret': 'hunter4' });
    expect(same.body.plan.changes).toMatchObject([{ fields: [{ path: 'spec.secret', secret: true }] }]);
    expect((await change([provider('notes', { env: 'HUNTER' })], { 'Role/x/secret': 'hunter5' })).status).toBe(422);
    expect(
      (await change([{ ...server('x'), spec: { url: 'https://x.example', title: { value: 'hunter6' } } }])).status,
    ).toBe(422);
    expect((await say('GET', '/v1/change-sets')).body.changeSets).toHaveLength(3);
    const { changes } = (await say('GET', '/v1/documents/CredentialProvider/notes/history')).body;
    expect(changes.map(({ secrets }: { secrets: string[] }) => secrets)).toEqual([['secret'], ['secret'], ['secret']]);
    await say('GET', '/v1/change-sets/2');
    await say('GET', '/v1/events');
    await say('GET', '/v1/configuration');
    const stored = JSON.stringify([
      await database().configurationDocument.findMany(),
      await database().configurationChange.findMany(),
      await database().configurationRevision.findMany(),
    ]);
    const events = await database().$queryRaw`SELECT row_to_json(event)::text FROM "Event" AS event`;
    for (const text of [...heard, stored, JSON.stringify(events), admin.log()]) expect(text).not.toMatch(/hunter\d/);

    await say('DELETE', '/v1/documents/CredentialProvider/notes', undefined, { 'if-match': '*' });
    expect(await database().storedSecret.count()).toBe(0);
  });

  it('that is repeated under one Idempotency-Key is written once, by the same writer and for the same body (R70)', async () => {
    const admin = await start();
    const send = (body: object, key: string) =>
      admin.call('POST', '/v1/change-sets', { set: null, documents: [], ...body }, { 'idempotency-key': key });
    const first = await send({ documents: [server('notes')] }, 'k1');
    expect(await apply(admin, { deletes: [{ kind: 'McpServer', name: 'notes' }] })).toMatchObject({ status: 200 });
    const again = await send({ documents: [server('notes')] }, 'k1');
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(await database().configurationDocument.count()).toBe(0);
    expect(await send({ documents: [server('mail')] }, 'k1')).toMatchObject({
      status: 422,
      body: { type: 'urn:sallyport:problem:idempotency-key-reused' },
    });
    expect((await send({ documents: [policy('x', 'none')] }, 'k2')).status).toBe(422);
    expect((await send({ documents: [server('mail')] }, 'k2')).status).toBe(200);
    const several = await Promise.all(Array.from({ length: 4 }, () => send({ documents: [server('chat')] }, 'k3')));
    expect(several.every(({ status }) => [200, 409].includes(status))).toBe(true);
    expect(await database().configurationRevision.count({ where: { source: 'api' } })).toBe(4);
    await database().idempotentAnswer.updateMany({ data: { createdAt: new Date(Date.now() - 90_000_000) } });
    expect((await send({ documents: [server('notes')] }, 'k1')).body).toMatchObject({ changed: true });
  });

  it('that leaves no owner is refused, unless it is forced (R70)', async () => {
    const admin = await start();
    const idp = {
      kind: 'TrustProvider',
      name: 'idp',
      spec: { issuer: 'https://idp.example', clientId: 'x', clientSecret: { value: 'x' } },
    };
    const owners = {
      kind: 'Administrators',
      name: 'owners',
      spec: { role: 'owner', members: [{ trustProvider: 'idp', subjects: ['alice'] }] },
    };
    const given = await apply(admin, { documents: [idp, owners] });
    expect(given.status).toBe(200);
    const deletes = [{ kind: 'Administrators', name: 'owners' }];
    expect(await apply(admin, { deletes })).toMatchObject({
      status: 409,
      body: { type: 'urn:sallyport:problem:would-lock-out', who: 'everybody' },
    });
    expect((await apply(admin, { deletes, force: true })).status).toBe(200);
  });
});

describe('one document', () => {
  it('is written and deleted only as it was read: ETag, If-Match, If-None-Match (R70)', async () => {
    const admin = await start();
    const path = '/v1/documents/McpServer/notes';
    const put = (timeout: string, headers: Record<string, string>) =>
      admin.call('PUT', path, { spec: server('notes', { timeout }).spec }, headers);
    expect(await put('1s', {})).toMatchObject({
      status: 428,
      body: { type: 'urn:sallyport:problem:precondition-required' },
    });
    const created = await put('1s', { 'if-none-match': '*' });
    expect([created.status, created.headers.get('etag')]).toEqual([200, '"2"']);
    expect((await put('2s', { 'if-none-match': '*' })).status).toBe(412);
    expect((await put('2s', { 'if-match': '"1"' })).status).toBe(412);
    expect((await put('2s', { 'if-match': 'W/"2"' })).status).toBe(412);
    expect((await put('2s', { 'if-match': '"2"' })).headers.get('etag')).toBe('"3"');
    expect((await admin.call('GET', path)).headers.get('etag')).toBe('"3"');
    expect((await admin.call('DELETE', path)).status).toBe(428);
    expect((await admin.call('DELETE', path, undefined, { 'if-match': '"2"' })).status).toBe(412);
    expect((await admin.call('DELETE', `${path}?dryRun=true`, undefined, { 'if-match': '"3"' })).body.changed).toBe(
      false,
    );
    expect((await admin.call('DELETE', path, undefined, { 'if-match': '"3"' })).status).toBe(200);
    expect((await admin.call('GET', path)).status).toBe(404);
    expect((await admin.call('DELETE', path, undefined, { 'if-match': '*' })).status).toBe(404);
  });

  it('has a history, page by page, and goes back to any of it (R70)', async () => {
    const admin = await start();
    for (const timeout of ['1s', '2s', '3s'])
      await apply(admin, { documents: [server('notes', { timeout }), server(`s${timeout}`)], note: timeout });
    const path = '/v1/documents/McpServer/notes';
    const first = (await admin.call('GET', `${path}/history?limit=2`)).body;
    expect(first.changes.map((change: { changeSet: { note: string } }) => change.changeSet.note)).toEqual(['3s', '2s']);
    const second = (await admin.call('GET', `${path}/history?limit=2&cursor=${first.next}`)).body;
    expect(second).toMatchObject({ changes: [{ action: 'create', before: null }], next: null });
    const back = await admin.call('POST', `${path}/revert`, { to: 2 });
    expect(back.body.plan.changes).toMatchObject([{ fields: [{ path: 'spec.timeout', before: '3s', after: '1s' }] }]);
    expect((await admin.call('POST', `${path}/revert`, { to: 1 })).body.plan.changes).toMatchObject([
      { action: 'delete' },
    ]);
    expect((await admin.call('POST', `${path}/revert`, { to: 4 })).body.plan.changes).toMatchObject([
      { action: 'create' },
    ]);
    expect((await admin.call('POST', '/v1/documents/McpServer/none/revert', { to: 1 })).status).toBe(404);
    expect((await admin.call('POST', `${path}/revert`, { to: 2_147_483_648 })).status).toBe(400);
  });
});

describe('a revert', () => {
  it('undoes a whole change set, and only one that nothing was built on (R70)', async () => {
    const admin = await start();
    await apply(admin, { documents: [server('notes'), server('mail')] });
    await apply(admin, {
      documents: [server('notes', { timeout: '9s' }), server('chat')],
      deletes: [{ kind: 'McpServer', name: 'mail' }],
    });
    const planned = await admin.call('POST', '/v1/change-sets/3/revert?dryRun=true', {});
    expect(
      planned.body.plan.changes.map(({ action, name }: { action: string; name: string }) => `${action} ${name}`),
    ).toEqual(['delete chat', 'create mail', 'update notes']);
    await apply(admin, { documents: [server('chat', { timeout: '8s' })] });
    expect(await admin.call('POST', '/v1/change-sets/3/revert', {})).toMatchObject({
      status: 409,
      body: { type: 'urn:sallyport:problem:changed-since', documents: [{ name: 'chat', revision: 4 }] },
    });
    expect((await admin.call('POST', '/v1/change-sets/4/revert', {})).status).toBe(200);
    expect((await admin.call('POST', '/v1/change-sets/3/revert', { force: true })).status).toBe(200);
    expect(names((await admin.call('GET', '/v1/documents')).body.documents)).toEqual([
      'McpServer/mail',
      'McpServer/notes',
    ]);
    expect((await admin.call('POST', '/v1/change-sets/99/revert', {})).status).toBe(404);
  });
});

describe('the declarative file', () => {
  it('owns its documents; a start undoes nothing that others changed, deleted or wrote, and says so (R70)', async () => {
    const file = `${FILE}---\nkind: McpServer\nname: mail\nspec: { url: https://mail.example/mcp }\n---\n${FILE.replaceAll('notes', 'chat')}`;
    const first = await start(file);
    expect(await metadataOf(first, 'McpServer/notes')).toMatchObject({ set: 'file', origin: 'sallyport.yaml:1' });
    const change = { documents: [server('notes', { timeout: '7s' }), server('hand')] };
    expect((await apply(first, change)).status).toBe(409);
    expect(
      (await apply(first, { ...change, takeOver: true, deletes: [{ kind: 'McpServer', name: 'mail' }] })).status,
    ).toBe(200);
    await first.service.close();

    const second = await start(file.replace('chat.example', 'chat2.example'));
    const documents = (await second.call('GET', '/v1/documents')).body.documents;
    expect(names(documents)).toEqual(['McpServer/chat', 'McpServer/hand', 'McpServer/notes']);
    expect(documents.map(({ metadata }: { metadata: { set: string } }) => metadata.set)).toEqual(['file', null, null]);
    expect(documents[0].spec.url).toBe('https://chat2.example/mcp');
    expect(documents[2].spec.timeout).toBe('7s');
    expect(second.log()).toContain('McpServer/notes, McpServer/mail');
    const drift = (await second.call('GET', '/v1/events?type=configuration.drifted')).body.events;
    expect(drift[0]).toMatchObject({ detail: { set: 'file', count: 2 } });

    const back = await apply(second, { set: 'file', documents: [server('notes'), server('mail')], takeOver: true });
    expect(back.status).toBe(200);
    await second.service.close();
    const third = await start(FILE);
    expect(names((await third.call('GET', '/v1/documents')).body.documents)).toEqual([
      'McpServer/hand',
      'McpServer/notes',
    ]);
  });

  it('does not start where others rely on what it no longer has, and changes nothing (R27)', async () => {
    const first = await start(`${FILE}---\n${FILE.replaceAll('notes', 'mail')}`);
    await apply(first, { documents: [provider('mail'), policy('mail', 'mail')] });
    await first.service.close();
    await expect(start(FILE)).rejects.toMatchObject({
      code: 'declaration_invalid',
      message: expect.stringContaining('AccessPolicy/mail: names the McpServer "mail"'),
    });
    expect(await database().configurationDocument.count()).toBe(4);
  });
});
