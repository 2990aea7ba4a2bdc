import { parseArgs } from 'node:util';
import { refreshUnderFaults } from './refresh-under-faults.js';
import { rotateUnderTraffic } from './rotate-under-traffic.js';

const usage = 'Usage: npm run faults -- refresh [--connections 500] [--seconds 120] [--grace 0 …]\n       npm run faults -- rotation [--connections 100000]\n';
const say = (line: string) => void process.stdout.write(`${line}\n`);
const said = (of: object): string => Object.entries(of).map(([name, value]) => `${name} ${value}`).join(', ');

/** Against processes of its own, on loopback: killed at random while they refresh, with a provider for each `--grace`, or leasing while the vault's key is rotated. */
async function faults(args: readonly string[]): Promise<boolean> {
  const { values, positionals: [target] } = parseArgs({ args: [...args], allowPositionals: true, options: { connections: { type: 'string' }, seconds: { type: 'string', default: '120' }, grace: { type: 'string', multiple: true, default: ['0'] } } });
  if (target !== 'refresh' && target !== 'rotation') {
    process.stderr.write(usage);
    return false;
  }
  const [connections, seconds, graceSeconds] = [Number(values.connections ?? (target === 'refresh' ? 500 : 100_000)), Number(values.seconds), values.grace.map(Number)] as const;
  if (![connections, seconds, ...graceSeconds].every((number) => Number.isSafeInteger(number) && number >= 0)) throw new RangeError('--connections, --seconds and --grace are whole numbers');
  return target === 'refresh' ? refresh({ connections, seconds, graceSeconds }) : rotation(connections);
}

async function refresh(options: { connections: number; seconds: number; graceSeconds: readonly number[] }): Promise<boolean> {
  const { verdicts, ...figures } = await refreshUnderFaults({ ...options, onProgress: (line) => say(`  ${line}`) });
  for (const { problems, ...counts } of verdicts) {
    for (const problem of problems) say(`✗ ${problem}`);
    say(`  ${said(counts)}; ${problems.length} problems`);
  }
  say(`faults refresh: ${said(figures)}`);
  return verdicts.every(({ problems }) => problems.length === 0);
}

async function rotation(connections: number): Promise<boolean> {
  const { problems, ...figures } = await rotateUnderTraffic({ connections, onProgress: (line) => say(`  ${line}`) });
  for (const problem of new Set(problems)) say(`✗ ${problem}`);
  say(`faults rotation: ${said(figures)}; ${problems.length} problems`);
  return problems.length === 0;
}

process.exitCode = (await faults(process.argv.slice(2))) ? 0 : 1;
