import type { ConfigurationPublisher } from './configuration-publisher.js';

/** How long an administrator waits for the bus. Milliseconds. */
const TIMEOUT_MS = 5_000;

/** Whether what is committed reached the bus in time; else the publisher logs why, and it follows by itself. */
export async function publishedInTime(publisher: Pick<ConfigurationPublisher, 'flush'>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), TIMEOUT_MS);
  });
  try {
    return await Promise.race([
      publisher.flush().then(
        () => true,
        () => false,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
