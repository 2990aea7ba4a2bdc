import { spawnApp } from '@sallyport/testing';
import { Arrived, readJournal } from './journals.js';

/** The receiver of a log stream, a process of its own that keeps what it took. */
export interface Receiver {
  /** What it took, in order of arrival, repetitions included. */
  arrived(): readonly Arrived[];
  kill(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export async function startReceiver(port: number, file: string): Promise<Receiver> {
  const start = () =>
    spawnApp({
      entry: 'apps/e2e/dist/runs/events/log-receiver.js',
      args: [String(port), file],
      readyPattern: /receiving/,
    });
  let app = await start();
  return {
    arrived: () => readJournal(file, Arrived),
    kill: async () => void (await app.kill()),
    async resume() {
      app = await start();
    },
    stop: async () => void (await app.stop()),
  };
}
