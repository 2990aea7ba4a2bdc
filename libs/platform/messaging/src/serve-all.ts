import type { RequestHandler, Requests, Unsubscribe } from './ports.js';

/**
 * Serves each subject of a table, for example `{ [subjects.lease]: answerLease }`.
 * @returns what stops serving all of them; when one cannot be served, none is
 */
export async function serveAll(
  requests: Pick<Requests, 'serve'>,
  handlers: Readonly<Record<string, RequestHandler>>,
): Promise<Unsubscribe> {
  const serving: Unsubscribe[] = [];
  const stop: Unsubscribe = async () => void (await Promise.all(serving.splice(0).map((unsubscribe) => unsubscribe())));
  try {
    for (const [subject, handler] of Object.entries(handlers)) serving.push(await requests.serve(subject, handler));
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
