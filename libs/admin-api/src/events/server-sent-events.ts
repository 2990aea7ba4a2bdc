/** One event of a stream (WHATWG HTML §9.2); without `data` it only says that the stream is alive. */
export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** Lines of one event together; a longer one is none of ours. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

/**
 * Reads server-sent events as our API writes them: lines end with LF.
 * @param idleMs how long the stream may say nothing at all
 * @throws Error when it is silent for longer, or breaks
 */
export async function* serverSentEvents(
  stream: ReadableStream<Uint8Array>,
  idleMs: number,
): AsyncGenerator<ServerSentEvent, void> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), idleMs);
      if (done) return;
      rest += value;
      const frames = rest.split('\n\n');
      rest = frames.pop() ?? '';
      if (rest.length > MOST_CHARACTERS) throw new Error('an event has no end');
      for (const frame of frames) yield eventIn(frame);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function inTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the stream is silent')), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function eventIn(frame: string): ServerSentEvent {
  const fields = frame.split('\n').map((line) => /^(\w*): ?(.*)$/s.exec(line) ?? []);
  const valueOf = (name: string) => fields.findLast(([, field]) => field === name)?.[2];
  const data = fields.filter(([, field]) => field === 'data').map(([, , value]) => value ?? '');
  return { id: valueOf('id'), event: valueOf('event') ?? 'message', data: data.join('\n') };
}
