import fc from 'fast-check';
import { expect, it } from 'vitest';
import { writeDeployment } from '../test/write-deployment.js';

const { start } = writeDeployment();

interface Owned {
  readonly owner: string | null;
  readonly timeout: string;
}
interface Recorded {
  readonly name: string;
  readonly after: { readonly set: string | null; readonly spec: { readonly timeout: string } } | null;
}
const names = ['one', 'two', 'three'];
const change = fc.record({
  owner: fc.constantFrom('a', 'b', null),
  puts: fc.dictionary(fc.constantFrom(...names), fc.constantFrom('1s', '2s', '3s'), { noNullPrototype: true }),
  deletes: fc.subarray(names, { maxLength: 1 }),
  prune: fc.boolean(),
  takeOver: fc.boolean(),
});

it(
  'two sets and somebody by hand never touch what is not theirs, and history replays to what is stored (R70)',
  { timeout: 180_000 },
  async () => {
    const admin = await start();
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const run = `r${++runs}`;
        const setOf = (owner: string | null) => (owner === null ? null : `${owner}-${run}`);
        const model = new Map<string, Owned>();
        for (const { owner, puts, deletes, prune, takeOver } of changes) {
          const gone = deletes.filter((name) => !(name in puts));
          const answer = await admin.call('POST', '/v1/change-sets', {
            set: setOf(owner),
            documents: Object.entries(puts).map(([name, timeout]) => ({
              kind: 'McpServer',
              name: `${run}-${name}`,
              spec: { url: 'https://x.example/mcp', timeout },
            })),
            deletes: gone.map((name) => ({ kind: 'McpServer', name: `${run}-${name}` })),
            prune: prune && owner !== null,
            takeOver,
          });
          const isOthers = (name: string) => model.has(name) && model.get(name)?.owner !== setOf(owner);
          const isRefused = !takeOver && [...Object.keys(puts), ...gone].some(isOthers);
          expect(answer.status).toBe(isRefused ? 409 : 200);
          if (isRefused) continue;
          if (prune && owner !== null)
            for (const [name, stored] of model)
              if (stored.owner === setOf(owner) && !(name in puts)) model.delete(name);
          for (const name of gone) model.delete(name);
          for (const [name, timeout] of Object.entries(puts)) model.set(name, { owner: setOf(owner), timeout });
        }
        const stored = (await admin.call('GET', `/v1/documents?name=${run}-`)).body.documents as {
          name: string;
          metadata: { set: string | null };
          spec: { timeout: string };
        }[];
        const state = stored.map(({ name, metadata, spec }) => [name, { owner: metadata.set, timeout: spec.timeout }]);
        expect(Object.fromEntries(state)).toEqual(
          Object.fromEntries([...model].map(([name, owned]) => [`${run}-${name}`, owned])),
        );
        const replayed = new Map<string, Owned>();
        const { changeSets } = (await admin.call('GET', '/v1/change-sets?limit=1000')).body as {
          changeSets: { revision: number }[];
        };
        for (const { revision } of changeSets.toReversed()) {
          const { changes: recorded } = (await admin.call('GET', `/v1/change-sets/${revision}`)).body as {
            changes: Recorded[];
          };
          for (const { name, after } of recorded.filter((one) => one.name.startsWith(`${run}-`)))
            if (after === null) replayed.delete(name);
            else replayed.set(name, { owner: after.set, timeout: after.spec.timeout });
        }
        expect(Object.fromEntries(replayed)).toEqual(Object.fromEntries(state));
        await admin.call('POST', '/v1/change-sets', {
          set: null,
          documents: [],
          deletes: stored.map(({ name }) => ({ kind: 'McpServer', name })),
          takeOver: true,
        });
      }),
      { numRuns: 12 },
    );
  },
);
