import { eventually } from '@sallyport/testing';
import { z } from 'zod';
import type { Watch } from '../../system/everything/surface.js';
import { PAGE_ORIGIN } from '../../system/servers-configuration.js';
import type { MatrixClient } from '../../agents/matrix-client.js';

export interface Pair {
  readonly client: MatrixClient;
  /** The revision the client speaks. */
  readonly revision: string;
  /** Of the server's tools and resources, as the gateway shows them. */
  readonly server: string;
  readonly watch: Readonly<Watch>;
  /** Whether the server can ask in the middle of a call: a stateless one of an older era cannot. */
  readonly canAsk: boolean;
  /** Whether the server has the tasks of 2026-07-28. */
  readonly hasTasks: boolean;
}

/** `yes`, or why the two have no means for it; everything else is thrown. */
export type Outcome = 'yes' | `– ${string}`;
export interface Feature {
  readonly name: string;
  readonly check: (pair: Pair) => Promise<Outcome>;
}

/** How either SDK throws the error by which 2025-11-25 asks for a page. */
const RequiredError = z.object({
  code: z.literal(-32042),
  data: z.object({ elicitations: z.array(z.object({ url: z.string() })) }),
});
const PAGE = `${PAGE_ORIGIN}/consent`;
const NO_WAY_BACK = '– the server has no session to be answered in';

function expectThat(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

export const features: readonly Feature[] = [
  {
    name: 'list',
    check: async ({ client, server }) => {
      const names = await client.toolNames();
      expectThat(names.includes(`${server}__test_simple_text`), `listed: ${names.join(', ')}`);
      return 'yes';
    },
  },
  {
    name: 'call',
    check: async ({ client, server }) => {
      const text = await client.call(`${server}__test_simple_text`, {});
      expectThat(text === 'This is a simple text response for testing.', text);
      return 'yes';
    },
  },
  {
    name: 'progress',
    check: async ({ client, server }) => {
      const seen: number[] = [];
      await client.call(
        `${server}__test_tool_with_progress`,
        {},
        { onprogress: ({ progress }) => void seen.push(progress) },
      );
      expectThat(seen.join() === '0,50,100', `progress: ${seen.join()}`);
      return 'yes';
    },
  },
  {
    name: 'cancel',
    check: async ({ client, server, watch }) => {
      const { started, cancelled } = watch;
      const abort = new AbortController();
      const outcome = client.call(`${server}__test_slow`, { milliseconds: 25_000 }, { signal: abort.signal }).then(
        () => 'answered',
        () => 'cancelled',
      );
      await eventually(() => watch.started > started, { until: 'the call runs at the server' });
      abort.abort();
      expectThat((await outcome) === 'cancelled', 'the call was answered');
      await eventually(() => watch.cancelled > cancelled, { until: 'the server hears of it' });
      return 'yes';
    },
  },
  {
    name: 'elicit form',
    check: async ({ client, server, canAsk, revision }) => {
      const text = await client.call(`${server}__test_elicitation`, { message: 'Who are you?' });
      if (!canAsk || revision < '2025-06-18') {
        expectThat(text === 'The client cannot elicit.', text);
        return canAsk ? '– this revision has no elicitation' : NO_WAY_BACK;
      }
      expectThat(text.includes('alice@example.com'), text);
      return 'yes';
    },
  },
  { name: 'elicit URL', check: (pair) => elicitUrl(pair, 'accept') },
  { name: 'decline URL', check: (pair) => elicitUrl(pair, 'decline') },
  {
    name: 'sampling',
    check: async ({ client, server, canAsk }) => {
      const text = await client.call(`${server}__test_sampling`, { prompt: 'Complete this' });
      if (!canAsk) return NO_WAY_BACK;
      expectThat(text.includes('a completion'), text);
      return 'yes';
    },
  },
  {
    name: 'subscribe',
    check: async ({ client, server, canAsk }) => {
      const uri = `via-${server}+test://watched-resource`;
      await client.subscribe(uri);
      // Before 2026-07-28 the streams of calls are the only way to a client (R63): one runs while the resource changes.
      const running = client.call(`${server}__test_tool_with_progress`, {}, { onprogress: () => undefined });
      await client.call(`${server}__test_touch_resource`, { uri: 'test://watched-resource' });
      await running;
      if (!canAsk) return '– the server has no session to send from';
      await eventually(() => client.answers.updatedResources.includes(uri), { until: 'the update arrives' });
      return 'yes';
    },
  },
  {
    name: 'task',
    check: async ({ client, server, hasTasks, revision }) => {
      const { text, wasTask } = await client.follow(`${server}__slow_compute`, { seconds: 0, label: 'It' });
      expectThat(text === 'It took 0 s.', text);
      const isRelayed = hasTasks && revision >= '2026-07-28';
      expectThat(wasTask === isRelayed, `as a task: ${wasTask}`);
      return isRelayed
        ? 'yes'
        : '– tasks are relayed where both have the extension of 2026-07-28; the server answers the call itself';
    },
  },
  {
    name: '50 MB stream',
    check: async ({ client, server }) => {
      let bytes = 0;
      const text = await client.call(
        `${server}__test_long_stream`,
        { chunks: 800 },
        { onprogress: ({ message }) => void (bytes += message?.length ?? 0), timeout: 120_000 },
      );
      expectThat(text === '800 chunks', text);
      // Clients of 2024-11-05 aside, every revision has the message of a progress notification.
      expectThat(bytes === 800 * 65_536, `${bytes} bytes of progress`);
      return 'yes';
    },
  },
];

async function elicitUrl({ client, server, canAsk, revision }: Pair, page: 'accept' | 'decline'): Promise<Outcome> {
  client.answers.page = page;
  const before = client.answers.openedPages.length;
  if (revision < '2025-11-25') {
    await client.call(`${server}__test_elicitation_url`, { url: PAGE }).catch(() => undefined);
    expectThat(client.answers.openedPages.length === before, 'the client was asked what its revision does not know');
    return '– this revision has no URL elicitation';
  }
  try {
    const text = await client.call(`${server}__test_elicitation_url`, { url: PAGE });
    if (!canAsk) {
      expectThat(/cannot ask|asked/i.test(text), text);
      return NO_WAY_BACK;
    }
    expectThat(text === `The page: ${page}`, text);
    expectThat(
      client.answers.openedPages.slice(before).join() === PAGE,
      `opened: ${client.answers.openedPages.slice(before).join()}`,
    );
    return 'yes';
  } catch (error) {
    // A client that answers this opens the page by itself; there is nothing to decline but not to call again.
    if (RequiredError.safeParse(error).data?.data.elicitations[0]?.url === PAGE) return 'yes';
    throw error;
  }
}
