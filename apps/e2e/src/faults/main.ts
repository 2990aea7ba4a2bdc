import { parseArgs } from 'node:util';
import { refreshUnderFaults } from './refresh-under-faults.js';

/** `refresh [--connections 500] [--seconds 120] [--grace 0]`: against processes of its own, on loopback. */
async function faults(args: readonly string[]): Promise<boolean> {
  const { values, positionals: [target] } = parseArgs({ args: [...args], allowPositionals: true, options: { connections: { type: 'string', default: '500' }, seconds: { type: 'string', default: '120' }, grace: { type: 'string', default: '0' } } });
  if (target !== 'refresh') {
    process.stderr.write('Usage: npm run faults -- refresh [--connections 500] [--seconds 120] [--grace 0]\n');
    return false;
  }
  const [connections, seconds, graceSeconds] = [Number(values.connections), Number(values.seconds), Number(values.grace)] as const;
  if (![connections, seconds, graceSeconds].every((number) => Number.isSafeInteger(number) && number >= 0)) throw new RangeError('--connections, --seconds and --grace are whole numbers');
  const { problems, ...figures } = await refreshUnderFaults({ connections, seconds, graceSeconds, onProgress: (line) => void process.stdout.write(`  ${line}\n`) });
  for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
  process.stdout.write(`faults refresh: ${Object.entries(figures).map(([name, value]) => `${name} ${value}`).join(', ')}; ${problems.length} problems\n`);
  return problems.length === 0;
}

process.exitCode = (await faults(process.argv.slice(2))) ? 0 : 1;
