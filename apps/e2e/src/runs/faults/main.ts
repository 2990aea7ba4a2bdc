import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { tableOf } from '../events/events-report.js';
import { eventsUnderFaults } from '../events/events-under-faults.js';
import { isolationUnderLoad } from '../isolation/isolation-under-load.js';
import { overload } from '../overload/overload.js';
import { refreshUnderFaults } from './refresh-under-faults.js';
import { rotateUnderTraffic } from './rotate-under-traffic.js';
import { signInsUnderFaults } from './sign-ins-under-faults.js';

const onProgress = (line: string) => void process.stdout.write(`  ${line}\n`);
const said = (figures: object): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

function whole(values: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const number = Number(value);
      if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`--${name} is a whole number`);
      return [name, number];
    }),
  );
}

/** A provider for each `--grace`. */
async function refresh(args: readonly string[]): Promise<boolean> {
  const {
    values: { grace, ...sizes },
  } = parseArgs({
    args: [...args],
    options: {
      connections: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '120' },
      grace: { type: 'string', multiple: true, default: ['0'] },
    },
  });
  const { connections = 0, seconds = 0 } = whole(sizes);
  const graceSeconds = grace.flatMap((value) => Object.values(whole({ grace: value })));
  const { verdicts, ...figures } = await refreshUnderFaults({ connections, seconds, graceSeconds, onProgress });
  for (const { problems, ...counts } of verdicts) {
    for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
    onProgress(`${said(counts)}; ${problems.length} problems`);
  }
  process.stdout.write(`faults refresh: ${said(figures)}\n`);
  return verdicts.every(({ problems }) => problems.length === 0);
}

/** An identity provider for each `--grace`. */
async function signIns(args: readonly string[]): Promise<boolean> {
  const {
    values: { grace, ...sizes },
  } = parseArgs({
    args: [...args],
    options: {
      people: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '120' },
      tolerated: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      grace: { type: 'string', multiple: true, default: ['0', '30'] },
    },
  });
  const { people = 0, seconds = 0, tolerated: toleratedSeconds = 0, seed = 0 } = whole(sizes);
  const graceSeconds = grace.flatMap((value) => Object.values(whole({ grace: value })));
  const { verdicts, refusals, ...figures } = await signInsUnderFaults({
    people,
    seconds,
    graceSeconds,
    toleratedSeconds,
    seed,
    onProgress,
  });
  for (const { problems, ...counts } of verdicts) {
    for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
    onProgress(`${said(counts)}; ${problems.length} problems`);
  }
  onProgress(`agents were told: ${said(refusals)}`);
  process.stdout.write(`faults sign-ins: ${said(figures)}\n`);
  return verdicts.every(({ problems }) => problems.length === 0);
}

async function isolation(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      users: { type: 'string', default: '50' },
      servers: { type: 'string', default: '10' },
      calls: { type: 'string', default: '100000' },
    },
  });
  const { users = 0, servers = 0, calls = 0 } = whole(values);
  const { problems, ...figures } = await isolationUnderLoad({ users, servers, calls, onProgress });
  for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
  process.stdout.write(`faults isolation: ${said(figures)}; ${problems.length} problems\n`);
  return problems.length === 0;
}

/** The vault's key, with leases asked for all the while. */
async function rotation(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({ args: [...args], options: { connections: { type: 'string', default: '100000' } } });
  const { connections = 0 } = whole(values);
  const { problems, ...figures } = await rotateUnderTraffic({ connections, onProgress });
  for (const problem of new Set(problems)) process.stdout.write(`✗ ${problem}\n`);
  process.stdout.write(`faults rotation: ${said(figures)}; ${problems.length} problems\n`);
  return problems.length === 0;
}

/** Everybody at once, and an administrator who revokes meanwhile. */
async function tooMuch(args: readonly string[]): Promise<boolean> {
  const option = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      gateways: option('2'),
      seconds: option('30'),
      sessions: option('3000'),
      polite: option('1000'),
      rate: option('50'),
    },
  });
  const { gateways = 0, seconds = 0, sessions = 0, polite = 0, rate = 0 } = whole(values);
  const { problems } = await overload({ gateways, seconds, sessions, polite, perSecond: rate, onProgress });
  for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
  process.stdout.write(`faults overload: ${gateways} gateways; ${problems.length} problems\n`);
  return problems.length === 0;
}

/** Whatever stands between a call and its event at a receiver, killed in turn. */
async function events(args: readonly string[]): Promise<boolean> {
  const option = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: option('120'), rate: option('500'), away: option('5') },
  });
  const { seconds = 0, rate = 0, away = 0 } = whole(values);
  const report = await eventsUnderFaults({ seconds, rate, awayMs: away * 1000, onProgress });
  const { problems, calls, answered, reached, wanted, stored, arrived, drainedMs = 0, verified } = report;
  process.stdout.write(`\n${tableOf(report)}\n\n`);
  for (const line of verified.split('\n')) onProgress(line);
  for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
  const figures = { calls, answered, 'a second': `${Math.round(reached)} of ${wanted}`, stored, arrived };
  process.stdout.write(
    `faults events: ${said(figures)}, all ${Math.round(drainedMs / 1000)} s after the last; ${problems.length} problems\n`,
  );
  return problems.length === 0;
}

/** Each against processes of its own, on loopback. */
async function faults([target, ...args]: readonly string[]): Promise<boolean> {
  if (target === 'refresh') return refresh(args);
  if (target === 'sign-ins') return signIns(args);
  if (target === 'rotation') return rotation(args);
  if (target === 'isolation') return isolation(args);
  if (target === 'overload') return tooMuch(args);
  if (target === 'events') return events(args);
  process.stderr.write(
    [
      'Usage: npm run faults -- refresh [--connections 500] [--seconds 120] [--grace 0 …]',
      'npm run faults -- sign-ins [--people 100] [--seconds 120] [--tolerated 30] [--seed …] [--grace 0 30 …]',
      'npm run faults -- rotation [--connections 100000]',
      'npm run faults -- isolation [--users 50] [--servers 10] [--calls 100000]',
      'npm run faults -- overload [--gateways 2] [--seconds 30] [--sessions 3000] [--polite 1000] [--rate 50]',
      'npm run faults -- events [--seconds 120] [--rate 500] [--away 5]\n',
    ].join('\n       '),
  );
  return false;
}

process.setMaxListeners(0); // each process that is started ends with this one
process.exitCode = (await faults(process.argv.slice(2))) ? 0 : 1;
