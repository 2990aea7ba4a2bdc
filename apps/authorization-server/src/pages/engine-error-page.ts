import type { EngineError } from '../engine/engine.js';
import { messagePage } from './message-pages.js';
import type { Page } from './page.js';

/** An authorization request that cannot even be answered with a redirect. */
export function engineErrorPage({ error, error_description: description }: EngineError): Page {
  if (error === 'server_error') return messagePage('Something went wrong', 'It is not your fault, and it was written to the log. Try again in a moment.');
  if (error === 'temporarily_unavailable') return messagePage('Too many requests', 'More agents are being connected just now than this server takes on. Nothing was granted; try again in a minute.', { detail: error });
  return messagePage('This request cannot be answered', 'The agent that sent you here asked for something this server does not accept. Nothing was granted.', { detail: description === undefined ? error : `${error}: ${description}` });
}
