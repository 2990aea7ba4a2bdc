import type { DocumentOf } from '@sallyport/configuration';
import type { ReceivedUri } from '@sallyport/server';
import type { Refusal } from '../protocol/refusal.js';
import type { Call } from './call.js';

export interface FoundResource {
  readonly server: DocumentOf<'McpServer'>;
  /** The server's own URI or template: what policy decides on and what is sent. */
  readonly uri: string;
}

/**
 * The server a URI belongs to, of those this caller may reach. Whatever it says no with it could say of the text alone
 * (S15).
 */
export function findResource(call: Call, received: ReceivedUri, unknown: Refusal): FoundResource | Refusal {
  if (received.type === 'unknown') return unknown;
  call.notes.target({ server: received.server });
  if (received.type === 'not-normal') return { type: 'uri-not-normal', part: received.part, normal: received.normal };
  const server = call.snapshot.get('McpServer', received.server);
  return server === undefined ? unknown : { server, uri: received.uri };
}
