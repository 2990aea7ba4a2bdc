import type { BodyRefusal } from './read-body.js';

interface Words {
  readonly status: number;
  /** What happened, and whose move it is. */
  readonly detail: string;
  readonly retryAfterSeconds?: number;
}

/** What whoever sent the body reads. */
export const bodyWords: Readonly<Record<BodyRefusal, Words>> = {
  'too-large': { status: 413, detail: 'The body is larger than what is taken here.' },
  'own-limit': {
    status: 429,
    detail: 'Too much of what you sent is held here already. Send it again when that was answered.',
    retryAfterSeconds: 5,
  },
  'all-limit': {
    status: 503,
    detail: 'There is no room for another body just now. Send it again shortly.',
    retryAfterSeconds: 5,
  },
};

/** Thrown where a framework reads bodies; the problem filter words it. The connection closes: what was sent is not read. */
export class BodyRefused extends Error {
  readonly words: Words;

  constructor(refusal: BodyRefusal) {
    super(`body refused: ${refusal}`);
    this.words = bodyWords[refusal];
  }
}
