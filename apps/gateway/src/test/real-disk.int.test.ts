import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { eventually, makeScratch, removeScratch, repositoryRoot } from '@sallyport/testing';
import { afterEach, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';

const SECONDS = 1_000;
let scratch: string;
let child: ReturnType<typeof spawn>;
afterEach(() => {
  child.kill('SIGKILL');
  removeScratch(scratch);
});

interface Places {
  readonly url: string;
  readonly health: string;
  readonly stats: string;
  readonly token: string;
}
interface Stats {
  readonly ran: number;
  readonly recorded: number;
  readonly cpuMs: number;
}

/** Lets Node run what is in `test/`, which is not built, on what is. */
const onTheBuild = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve: (specifier, context, next) => next(
    !context.parentURL?.includes('/gateway/src/test/') ? specifier
    : specifier.startsWith('./') ? specifier.replace(/\\.js$/, '.ts') : specifier.replace('../../', '../../../dist/'), context) });
`)}`;

/** Starts a gateway whose spool is in `$1`, after these words of a shell. */
async function startGatewayOn(command: readonly string[], prepare: string): Promise<Places> {
  scratch = makeScratch('disk');
  const program = resolve(repositoryRoot, 'apps/gateway/src/test/world/gateway-on-a-disk.ts');
  const [first, ...rest] = [
    ...command,
    'bash',
    '-c',
    `${prepare} && exec "$0" --import reflect-metadata --import "$3" "$2" "$1"`,
    process.execPath,
    scratch,
    program,
    onTheBuild,
  ];
  let output = '';
  child = spawn(first, rest, { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  await eventually(() => output.includes('"stats"') || child.exitCode !== null, { timeoutMs: 60 * SECONDS });
  const line = output.split('\n').find((one) => one.startsWith('{"url"'));
  if (line === undefined) throw new Error(`the gateway did not start:\n${output}`);
  return JSON.parse(line) as Places;
}
const statsOf = async ({ stats }: Places) => (await (await fetch(stats)).json()) as Stats;
async function call({ url, token }: Places) {
  const { body, headers } = modernRequest('tools/call', { name: 'big__add', arguments: { what: 'x' } });
  return await postByHand(url, token, { body, headers: { accept: 'application/json', ...headers } });
}
/** While nothing can be recorded: alive, not ready, idle, and still refusing before anything is done. */
async function standsStill(places: Places): Promise<void> {
  const before = await statsOf(places);
  const since = performance.now();
  expect((await fetch(`${places.health}/healthz`)).status).toBe(200);
  const ready = await fetch(`${places.health}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('the event spool refuses')]);
  const refused = await call(places);
  expect([refused.status, refused.headers.get('retry-after'), refused.json?.error?.message]).toEqual([
    503,
    '2',
    expect.stringContaining('Nothing was done'),
  ]);
  await eventually(() => performance.now() - since > 3 * SECONDS, { timeoutMs: 30 * SECONDS });
  const after = await statsOf(places);
  expect(after.ran).toBe(before.ran);
  expect((after.cpuMs - before.cpuMs) / (performance.now() - since)).toBeLessThan(0.5);
}
async function endsWhenTold(): Promise<void> {
  const ended = once(child, 'exit');
  const since = performance.now();
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(performance.now() - since).toBeLessThan(15 * SECONDS);
}

test(
  'a kernel that lets no file grow: nothing is done, the gateway is alive and idle, and ends when it is told to (R74)',
  { timeout: 120 * SECONDS },
  async () => {
    // Of 1 KiB each: enough for the keys of this deployment, and too little for any file of the spool. Needs no privilege.
    const places = await startGatewayOn([], 'ulimit -f 32');
    await standsStill(places);
    expect((await statsOf(places)).ran).toBe(0);
    await endsWhenTold();
  },
);

/** Who may mount: the administrator, and elsewhere whoever the kernel lets be one in a namespace of their own. */
const mounting = [
  ['unshare', '-m'],
  ['unshare', '-rm'],
].find(
  ([first = '', ...rest]) =>
    spawnSync(first, [...rest, 'bash', '-c', 'mount -t tmpfs none /mnt'], { stdio: 'ignore' }).status === 0,
);
if (mounting === undefined)
  process.stderr.write(
    'a real disk of 256 KiB is not tested: nothing can be mounted here; the limit of the kernel is\n',
  );

test.runIf(mounting)(
  'a disk of 256 KiB: every call that ran is answered and recorded, no 503 comes after the deed, and it gets well by itself (R74)',
  { timeout: 180 * SECONDS },
  async () => {
    const places = await startGatewayOn(mounting ?? [], 'mount -t tmpfs -o size=256k none "$1"');
    let answered = 0;
    // At once, until some find no room beside the others, then one by one until there is none at all.
    for (let together = 20, isFull = false; !isFull;) {
      const statuses = (await Promise.all(Array.from({ length: together }, () => call(places)))).map(
        ({ status }) => status,
      );
      expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
      answered += statuses.filter((status) => status === 200).length;
      isFull = together === 1 && statuses.includes(503);
      if (statuses.includes(503)) together = 1;
    }
    expect(answered).toBeGreaterThan(100);
    expect((await statsOf(places)).ran).toBe(answered);
    await standsStill(places);
    child.kill('SIGUSR2');
    await eventually(async () => (await call(places)).status === 200, { timeoutMs: 30 * SECONDS });
    await eventually(async () => (await statsOf(places)).recorded === answered + 1, { timeoutMs: 30 * SECONDS });
    expect((await statsOf(places)).ran).toBe(answered + 1);
    await endsWhenTold();
  },
);
