import type { BodyRefusal } from './read-body.js';

interface Words {
  readonly status: number;
  /** What happened, and whose move it is. */
  readonly detail: string;
  readonly retryAfterSeconds?: number;
}

/** The answer to whoever sent the body. */
export const bodyWords: Readonly<Record<BodyRefusal, Words>> = {
  'too-large': { status: 413, detail: 'The body is larger than this endpoint accepts. Send a smaller one.' },
  'own-limit': {
    status: 429,
    detail: 'This service already holds too much of what you sent. Send it again when that is answered.',
    retryAfterSeconds: 5,
  },
  'all-limit': {
    status: 503,
    detail: 'This service has no room for another body just now. Send it again shortly.',
    retryAfterSeconds: 5,
  },
};

/**
 * Thrown where a framework reads bodies. The problem filter turns it into an answer and closes the connection, because
 * the rest of the body is not read.
 */
export class BodyRefused extends Error {
  readonly words: Words;

  constructor(refusal: BodyRefusal) {
    super(`body refused: ${refusal}`);
    this.words = bodyWords[refusal];
  }
}
