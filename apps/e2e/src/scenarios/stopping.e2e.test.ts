import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, makeScratch, readTestEnvironment, removeScratch, repositoryRoot } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { READY, standaloneOnFreePorts } from '../system/spawn-standalone.js';

const parentOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) \S+ /s, '')
      .split(' ')[0],
  );
const isAlive = (pid: number): boolean => {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .charAt(0) !== 'Z'
    );
  } catch {
    return false;
  }
};

describe('npm start, as on the first time, under whichever Node.js there is', { timeout: 300_000 }, () => {
  let scratch: string;
  let env: Readonly<Record<string, string>>;
  let shell: string;
  beforeAll(async () => {
    scratch = makeScratch('stopping');
    ({ env } = await standaloneOnFreePorts(join(scratch, 'data')));
    // npm puts the pinned Node.js first once it is installed; on the first start it is not yet there.
    const path = readTestEnvironment()
      .path.split(delimiter)
      .filter((folder) => !folder.includes('node_modules'))
      .join(delimiter);
    shell = join(scratch, 'shell');
    writeFileSync(shell, `#!/bin/sh\nPATH='${path}' /bin/sh "$@"\n`);
    chmodSync(shell, 0o755);
  });
  afterAll(() => removeScratch(scratch));

  async function start(): Promise<{
    npm: ChildProcess;
    npmPid: number;
    app: number;
    postgres: number;
    output: () => string;
  }> {
    const npm = spawn('npm', ['start', `--script-shell=${shell}`], {
      cwd: repositoryRoot,
      env: { PATH: readTestEnvironment().path, HOME: scratch, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [npm.stdout, npm.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    await eventually(() => READY.test(output), { timeoutMs: 200_000, intervalMs: 200, until: 'it is ready' }).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${output}`);
      },
    );
    const postgres = Number(readFileSync(join(scratch, 'data', 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
    return { npm, npmPid: npm.pid ?? 0, app: parentOf(postgres), postgres, output: () => output };
  }

  test.each<[string, (started: { npmPid: number; app: number }) => Promise<unknown> | void]>([
    ['npm alone is asked to stop', ({ npmPid }) => void process.kill(npmPid, 'SIGTERM')],
    ['npm is killed', ({ npmPid }) => void process.kill(npmPid, 'SIGKILL')],
    ['what started the program is killed', ({ app }) => void process.kill(parentOf(app), 'SIGKILL')],
    ['Ctrl-C is pressed', ({ npmPid }) => void process.kill(-npmPid, 'SIGINT')],
    [
      'Ctrl-C is pressed, and again while it still waits for somebody',
      async ({ npmPid }) => {
        const ports = [
          'SALLYPORT_GATEWAY_PORT',
          'SALLYPORT_AUTHORIZATION_SERVER_PORT',
          'SALLYPORT_CONTROL_PLANE_PORT',
        ].map((name) => Number(env[name]));
        const halves = ports.map((port) => connect(port, '127.0.0.1').on('error', () => undefined));
        for (const [index, half] of halves.entries())
          half.write(
            `POST /token HTTP/1.1\r\nhost: 127.0.0.1:${ports[index]}\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n`,
          );
        await sleep(200);
        process.kill(-npmPid, 'SIGINT');
        await sleep(600); // no echo of the first any more
        process.kill(-npmPid, 'SIGINT');
        for (const half of halves) half.destroy();
      },
    ],
  ])('leaves nothing running when %s', async (_how, end) => {
    const { npmPid, app, postgres } = await start();
    try {
      await end({ npmPid, app });
      await eventually(() => !isAlive(app) && !isAlive(postgres), {
        timeoutMs: 30_000,
        until: 'the program and its database are gone',
      });
    } finally {
      for (const pid of [app, postgres]) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  });
});
