import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** A scenario whose server is up and whose driver waits. */
export interface StartedScenario {
  readonly serverUrl: string;
  /** What the suite tells its client beside the address: tool calls to make, a registration to use. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Lets the driver end: with an error when there is a `problem`. */
  readonly done: (problem?: string) => void;
}

export interface Meeting {
  readonly url: string;
  readonly started: ReadonlyMap<string, StartedScenario>;
  close(): Promise<void>;
}

const Introduction = z.object({
  scenario: z.string(),
  serverUrl: z.url(),
  context: z
    .string()
    .transform((json) => z.record(z.string(), z.unknown()).parse(JSON.parse(json)))
    .default({}),
});

/** Where the drivers of one run of the suite gather. The one of a scenario that is not wanted is let go at once. */
export async function meetDrivers(wanted: ReadonlySet<string>): Promise<Meeting> {
  const started = new Map<string, StartedScenario>();
  const introduce = (body: string, response: ServerResponse): void => {
    const { scenario, serverUrl, context } = Introduction.parse(JSON.parse(body));
    const done = (problem?: string) => void response.writeHead(problem === undefined ? 200 : 500).end(problem);
    if (wanted.has(scenario)) started.set(scenario, { serverUrl, context, done });
    else done();
  };
  const server = createServer((request, response) => {
    text(request)
      .then((body) => introduce(body, response))
      .catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    started,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
