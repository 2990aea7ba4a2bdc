import { parseArgs } from 'node:util';
import { openDeployment, type Role, type Started } from './deployment.js';
import { largeConfiguration } from './large-configuration.js';

/**
 * What a start takes with a large configuration, process by process: until `/readyz` says ready, processor time, memory.
 * `node apps/bench/dist/cold/main.js [--servers 500] [--policies 10000] [--rounds 3] [--profile <directory>]`.
 * Processor time is what to compare on a machine that does other things, too.
 */
const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '500' },
    policies: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    /** Where node leaves a profile of each process. */
    profile: { type: 'string' },
  },
});
/** Nobody listens there: a start asks no server anything. */
const nowhere = { identityProvider: 'http://127.0.0.1:1', upstream: 'http://127.0.0.1:2/mcp' };
const size = { servers: Number(values.servers), policies: Number(values.policies) };
const node = values.profile === undefined ? '' : `--cpu-prof --cpu-prof-dir=${values.profile}`;

const row = (what: string, figures: readonly string[]): void =>
  void process.stdout.write(`${what.padEnd(32)}${figures.map((figure) => figure.padStart(12)).join('')}\n`);
const show = (what: string, { readyMs, cpuMs, rssMb, peakRssMb }: Started): void =>
  row(what, [`${readyMs.toFixed(0)} ms`, `${cpuMs} ms`, `${rssMb.toFixed(0)} MB`, `${peakRssMb.toFixed(0)} MB`]);

const deployment = await openDeployment(largeConfiguration(size, nowhere));
const startAndStop = async (what: string, role: Role): Promise<void> => {
  const started = await deployment.start(role, { node });
  show(what, started);
  await started.app.stop();
};
try {
  row(`${size.servers} servers, ${size.policies} policies`, ['ready', 'CPU', 'RSS', 'peak RSS']);
  await startAndStop('control plane, first start', 'control-plane');
  await startAndStop('control plane, nothing changed', 'control-plane');
  show('control plane, once more', await deployment.start('control-plane'));
  show('authorization server', await deployment.start('authorization-server'));
  for (let round = 0; round < Number(values.rounds); round++) await startAndStop('gateway', 'gateway');
} finally {
  await deployment.stop();
}
