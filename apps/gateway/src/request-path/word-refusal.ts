import type { CallNotes } from '../call/call-notes.js';
import { schemeOf } from '../protocol/authorization-header.js';
import type { Answer, InboundRequest } from '../protocol/exchange.js';
import { factsOf } from '../protocol/facts-of-refusal.js';
import { refuse } from '../protocol/refuse.js';
import type { RefusalContext } from '../protocol/refuse.js';
import type { Refusal } from '../protocol/refusal.js';

/** What is known of the request that is refused: the more, the better the words. */
type About = Partial<Pick<RefusalContext, 'request' | 'id' | 'era'>>;

/** Words a refusal for whoever sent this request. */
export function wordRefusal(refusal: Refusal, { headers, asked }: InboundRequest, about: About = {}): Answer {
  return refuse(refusal, {
    resourceMetadataUrl: asked.metadata,
    scheme: schemeOf(headers),
    request: undefined,
    id: undefined,
    era: 'modern',
    ...about,
  });
}

/** Words each refusal of one request, and notes it for the record. */
export function refusing(inbound: InboundRequest, notes: CallNotes, about: About = {}): (refusal: Refusal) => Answer {
  return (refusal) => {
    const answer = wordRefusal(refusal, inbound, about);
    notes.refused(factsOf(refusal), answer);
    return answer;
  };
}
