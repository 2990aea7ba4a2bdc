interface Started {
  close(): Promise<void>;
}

export interface BrokenStart {
  /** The thing that was opened last. */
  readonly step: string;
  /** What was open still after the start had failed: `TCPServerWrap`, `interval of 500 ms`. */
  readonly leftOpen: readonly string[];
}

const CLOSING_MS = 2_000;
/** Of `process.getActiveResourcesInfo()`: what a service can leave open. */
const RESOURCES = new Set(['TCPServerWrap', 'TCPSocketWrap', 'PipeWrap', 'FSEventWrap', 'StatWatcher', 'Worker']);

/**
 * Breaks a start off after each thing it opens, then lets it start and closes it. Each time it looks for listeners,
 * sockets and intervals that are left. Run it where nothing else starts or stops meanwhile.
 * @param start must call `onOpened` after each thing it opens, and reject when that throws
 * @returns one entry for each step, and a last one, `closed`, for the start that succeeded
 */
export async function breakOffStart(
  start: (onOpened: (what: string) => void) => Promise<Started>,
): Promise<readonly BrokenStart[]> {
  const starts: BrokenStart[] = [];
  for (let most = 1; ; most++) {
    const before = activeResources();
    const intervals = watchIntervals();
    let opened = 0;
    let step = 'closed';
    try {
      const service = await start((what) => {
        opened += 1;
        if (opened < most) return;
        step = what;
        throw new BrokenOff(what);
      });
      await service.close();
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
    } finally {
      intervals.stop();
    }
    const leftOpen = () => [...without(activeResources(), before), ...intervals.open()];
    for (const until = Date.now() + CLOSING_MS; leftOpen().length > 0 && Date.now() < until;)
      await new Promise((resolve) => setTimeout(resolve, 10));
    starts.push({ step, leftOpen: leftOpen() });
    if (step === 'closed') return starts;
  }
}

class BrokenOff extends Error {}

const activeResources = () => process.getActiveResourcesInfo().filter((name) => RESOURCES.has(name));

function without(all: readonly string[], known: readonly string[]): string[] {
  const left = [...all];
  for (const name of known) {
    const index = left.indexOf(name);
    if (index >= 0) left.splice(index, 1);
  }
  return left;
}

/** Unreferenced timers are in no list of Node's: what sets and clears them is watched. */
function watchIntervals() {
  const { setInterval: set, clearInterval: clear } = globalThis;
  const open = new Map<unknown, string>();
  globalThis.setInterval = ((task: () => void, ms?: number, ...rest: unknown[]) => {
    const timer: unknown = Reflect.apply(set, globalThis, [task, ms, ...rest]);
    open.set(timer, `interval of ${ms} ms`);
    return timer;
  }) as typeof setInterval;
  globalThis.clearInterval = (timer) => {
    open.delete(timer);
    clear(timer);
  };
  return {
    open: () => [...open.values()],
    stop: () => {
      globalThis.setInterval = set;
      // Whatever is closed later, by itself, is still taken off the list.
      globalThis.clearInterval = (timer) => {
        open.delete(timer);
        clear(timer);
      };
    },
  };
}
