import { serverTitle, type McpServer } from '@sallyport/server';
import { oneLine } from './shown-text.js';

const MAX_TITLE = 80;

const titles = new WeakMap<McpServer, string>();

/** The title of a server in our own sentences: on one line, whatever its document says. */
export function titleOf(server: McpServer): string {
  let title = titles.get(server);
  if (title === undefined) titles.set(server, (title = oneLine(serverTitle(server), MAX_TITLE) || server.name));
  return title;
}
