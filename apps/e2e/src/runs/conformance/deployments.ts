import { startLegacyEverything } from '../../system/everything/start-legacy.js';
import { startModernEverything } from '../../system/everything/start-modern.js';
import type { EverythingServer } from '../../system/everything/serve-everything.js';
import { startDistributed } from '../../system/start-distributed.js';
import { startStandalone } from '../../system/start-standalone.js';
import type { System } from '../../system/system.js';
import { serversConfiguration } from '../../system/servers-configuration.js';

/** Sallyport as one of the suite's subjects. */
export interface Deployment {
  readonly system: System;
  /** The replicas that take turns; without it there is one gateway. */
  readonly gateways?: readonly string[];
  close(): Promise<void>;
}

/** What `npm start` runs, with the demonstration's servers. */
export async function demonstration(): Promise<Deployment> {
  const system = await startStandalone({ logLevel: 'fatal' });
  return { system, close: () => system.stop() };
}

/** One process, in front of the everything server of one SDK. */
export const inFrontOf = (startServer: () => Promise<EverythingServer>) => async (): Promise<Deployment> => {
  const server = await startServer();
  const system = await startStandalone({
    logLevel: 'fatal',
    configure: (demo) => serversConfiguration([{ name: 'everything', url: server.url }], demo),
  });
  return {
    system,
    async close() {
      await system.stop();
      await server.close();
    },
  };
};

/** Two gateway processes over PostgreSQL, NATS and Redis, in front of the everything server of one SDK. */
export const twoInFrontOf = (startServer: () => Promise<EverythingServer>) => async (): Promise<Deployment> => {
  const server = await startServer();
  const system = await startDistributed({
    gateways: 2,
    logLevel: 'info',
    configure: (demo) => serversConfiguration([{ name: 'everything', url: server.url }], demo),
  });
  return {
    system,
    gateways: system.gateways,
    async close() {
      await system.stop();
      await server.close();
    },
  };
};

export const modernServer = inFrontOf(startModernEverything);
export const legacyServer = inFrontOf(startLegacyEverything);
export const twoBeforeModernServer = twoInFrontOf(startModernEverything);
export const twoBeforeLegacyServer = twoInFrontOf(startLegacyEverything);
