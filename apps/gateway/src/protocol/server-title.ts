import { serverTitle, type McpServer } from '@sallyport/server';
import { oneLine } from './shown-text.js';

const MAX_TITLE = 80;

/** The title of a server in our own sentences: on one line, whatever its document says. */
export const titleOf = (server: McpServer): string => oneLine(serverTitle(server), MAX_TITLE) || server.name;
