import { parseArgs } from 'node:util';
import { refreshUnderFaults } from './refresh-under-faults.js';

/** `refresh [--connections 500] [--seconds 120] [--grace 0 …]`: against processes of its own, on loopback; a provider for each `--grace`. */
async function faults(args: readonly string[]): Promise<boolean> {
  const { values, positionals: [target] } = parseArgs({ args: [...args], allowPositionals: true, options: { connections: { type: 'string', default: '500' }, seconds: { type: 'string', default: '120' }, grace: { type: 'string', multiple: true, default: ['0'] } } });
  if (target !== 'refresh') {
    process.stderr.write('Usage: npm run faults -- refresh [--connections 500] [--seconds 120] [--grace 0 …]\n');
    return false;
  }
  const [connections, seconds, graceSeconds] = [Number(values.connections), Number(values.seconds), values.grace.map(Number)] as const;
  if (![connections, seconds, ...graceSeconds].every((number) => Number.isSafeInteger(number) && number >= 0)) throw new RangeError('--connections, --seconds and --grace are whole numbers');
  const { verdicts, ...figures } = await refreshUnderFaults({ connections, seconds, graceSeconds, onProgress: (line) => void process.stdout.write(`  ${line}\n`) });
  const said = (of: object): string => Object.entries(of).map(([name, value]) => `${name} ${value}`).join(', ');
  for (const { problems, ...counts } of verdicts) {
    for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
    process.stdout.write(`  ${said(counts)}; ${problems.length} problems\n`);
  }
  process.stdout.write(`faults refresh: ${said(figures)}\n`);
  return verdicts.every(({ problems }) => problems.length === 0);
}

process.exitCode = (await faults(process.argv.slice(2))) ? 0 : 1;
