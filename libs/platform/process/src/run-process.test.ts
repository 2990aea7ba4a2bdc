import { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { SallyportError } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { runProcess } from './index.js';
import type { ProcessHost, ProcessScope } from './index.js';

class FakeProcess implements ProcessHost {
  readonly #events = new EventEmitter();
  readonly env = {};
  readonly output: string[] = [];
  readonly exited: Promise<number>;
  #resolve: (code: number) => void = () => undefined;
  readonly stdout = new EventEmitter();
  readonly stderr = Object.assign(new EventEmitter(), { write: (text: string) => this.output.push(text) });

  constructor() {
    this.exited = new Promise((resolve) => (this.#resolve = resolve));
  }

  on(event: string, listener: (reason: unknown) => void): void {
    this.#events.on(event, listener);
  }

  exit(code: number): void {
    this.#resolve(code);
  }

  signal(name: string): void {
    this.#events.emit(name);
  }
}

async function run(
  start: (scope: ProcessScope) => Promise<void>,
  closeTimeoutMs = 1_000,
  closeAllTimeoutMs = 15_000,
  echoMs = 0,
) {
  const host = new FakeProcess();
  await runProcess('gateway', start, { host, closeTimeoutMs, closeAllTimeoutMs, echoMs });
  return host;
}

test('a signal closes in reverse order of opening and exits with 0', async () => {
  const order: string[] = [];
  const host = await run(async ({ onClose }) => {
    onClose('database', () => void order.push('database'));
    onClose('listener', async () => void order.push('listener'));
  });
  host.signal('SIGTERM');
  expect(await host.exited).toBe(0);
  expect(order).toEqual(['listener', 'database']);
});

test('a failed start is one line, closes what was opened and exits with 1', async () => {
  const order: string[] = [];
  const host = await run(async ({ onClose }) => {
    onClose('database', () => void order.push('database'));
    throw new SallyportError('key_unreadable', 'The file master.key cannot be read.', { detail: 'hunter2' });
  });
  expect(await host.exited).toBe(1);
  expect(order).toEqual(['database']);
  expect(host.output).toEqual(['gateway: The file master.key cannot be read.\n']);
});

test('a taken port is said in one line', async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as AddressInfo;
  const host = await run(
    () =>
      new Promise((_, reject) => {
        createServer().once('error', reject).listen(port, '127.0.0.1');
      }),
  );
  expect(await host.exited).toBe(1);
  expect(host.output.join('')).toBe(
    `gateway: Port ${port} on 127.0.0.1 is taken: stop what listens there or configure another port.\n`,
  );
  await new Promise((resolve) => blocker.close(resolve));
});

test('a closer that hangs or fails is named and does not keep the others', async () => {
  const order: string[] = [];
  const host = await run(async ({ onClose }) => {
    onClose('database', () => void order.push('database'));
    onClose('bus', () => Promise.reject(new Error('not connected')));
    onClose('listener', () => new Promise(() => undefined));
  }, 10);
  host.signal('SIGINT');
  expect(await host.exited).toBe(0);
  expect(order).toEqual(['database']);
  expect(host.output).toEqual([
    'gateway: closing listener: not finished after 10 ms\n',
    'gateway: closing bus: not connected\n',
  ]);
});

test('closers that hang share the time of all, and those after them still run', async () => {
  const order: string[] = [];
  const host = await run(
    async ({ onClose }) => {
      onClose('database', () => void order.push('database'));
      for (const name of ['one', 'two']) onClose(name, () => new Promise(() => undefined));
    },
    3_600_000,
    0,
  );
  host.signal('SIGTERM');
  expect(await host.exited).toBe(0);
  expect(order).toEqual(['database']);
  expect(host.output).toEqual([
    'gateway: closing two: not finished after 1000 ms\n',
    'gateway: closing one: not finished after 1000 ms\n',
  ]);
});

test('a start that a signal breaks off is no failed start; what else it says then is said', async () => {
  const broken = async (error: Error) => {
    const host = new FakeProcess();
    const running = runProcess(
      'gateway',
      ({ stopping }) => new Promise((_, reject) => stopping.addEventListener('abort', () => reject(error))),
      { host },
    );
    host.signal('SIGTERM');
    await running;
    expect(await host.exited).toBe(0);
    return host.output;
  };
  expect(await broken(new DOMException('This operation was aborted', 'AbortError'))).toEqual([]);
  expect(await broken(new SallyportError('port_taken', 'Port 1 is taken.'))).toEqual(['gateway: Port 1 is taken.\n']);
});

test('a second signal ends a process that hangs in closing', async () => {
  const host = await run(async ({ onClose }) => onClose('listener', () => new Promise(() => undefined)), 10_000);
  host.signal('SIGINT');
  host.signal('SIGINT');
  expect(await host.exited).toBe(130);
});

test('a signal that arrives twice at once, as through `timeout` or an init, closes in order all the same', async () => {
  const order: string[] = [];
  const host = await run(
    async ({ onClose }) => {
      onClose('database', () => void order.push('database'));
      onClose('listener', () => new Promise<void>((resolve) => setImmediate(resolve)));
    },
    1_000,
    15_000,
    60_000,
  );
  host.signal('SIGTERM');
  host.signal('SIGTERM');
  expect(await host.exited).toBe(0);
  expect(order).toEqual(['database']);
});

test('a broken pipe, where nobody reads the output any more, neither ends the process nor makes it say so', async () => {
  const host = await run(async () => undefined);
  for (const stream of [host.stdout, host.stderr])
    stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  expect(host.output).toEqual([]);
  host.signal('SIGTERM');
  expect(await host.exited).toBe(0);
});
