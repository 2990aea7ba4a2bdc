import { join } from 'node:path';
import { READY, standaloneOnFreePorts } from '@sallyport/e2e';
import { makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import { startDistributedProduct } from '../subjects/product.js';
import type { Configuration } from '../scenarios/scenario.js';

/** Milliseconds. */
export interface StandaloneStarts {
  /** On an empty folder: keys and a database are made. */
  readonly first: number;
  /** On what the first start left. */
  readonly again: readonly number[];
}

const START_TIMEOUT_MS = 90_000;

/** From the start of the process that `npm start` starts, until it says that it is ready. */
export async function timeStandalone(times: number): Promise<StandaloneStarts> {
  const scratch = makeScratch('bench-cold');
  try {
    const standalone = await standaloneOnFreePorts(join(scratch, 'data'));
    const start = async (): Promise<number> => {
      const began = performance.now();
      const app = await spawnApp({
        entry: 'apps/standalone/dist/main.js',
        env: { ...standalone.env, NODE_COMPILE_CACHE: join(scratch, 'compiled') }, // as `npm start` has it
        readyTimeoutMs: START_TIMEOUT_MS,
        readyPattern: READY,
      });
      const took = performance.now() - began;
      await app.stop();
      return took;
    };
    const first = await start();
    const again: number[] = [];
    for (let time = 0; time < times; time++) again.push(await start());
    return { first, again };
  } finally {
    removeScratch(scratch);
  }
}

/** From the start of a gateway until it is ready for calls, where there is much configuration; milliseconds. */
export async function timeGateway(configuration: Configuration, upstream: string, times: number): Promise<number[]> {
  const { system, stop } = await startDistributedProduct({ ...configuration, upstream });
  try {
    const took: number[] = [];
    for (let time = 0; time < times; time++) {
      await system.kill('gateway-1');
      const began = performance.now();
      await system.restart('gateway-1');
      took.push(performance.now() - began);
    }
    return took;
  } finally {
    await stop();
  }
}
