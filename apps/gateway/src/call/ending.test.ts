import { expect, test } from 'vitest';
import type { Answer, AnswerPiece } from '../protocol/exchange.js';
import { jsonAnswer } from '../protocol/exchange.js';
import { Stop } from '../protocol/stop.js';
import { endedInTime, Ending } from './ending.js';

const told = async (texts: readonly string[], during: (ending: Ending) => void): Promise<readonly AnswerPiece[]> => {
  const ending = new Ending(new Stop());
  const answer: Answer = {
    status: 200,
    headers: {},
    body: {
      type: 'stream',
      pieces: (async function* () {
        for (const text of texts) yield { text, last: false };
        during(ending);
      })(),
    },
  };
  const { body } = endedInTime(answer, ending, (reason) => jsonAnswer(200, { ended: reason }));
  const pieces: AnswerPiece[] = [];
  if (body.type === 'stream') for await (const piece of body.pieces) pieces.push(piece);
  return pieces;
};

test('what is ended between two events is answered with one more; in the middle of one, nothing can follow (S17)', async () => {
  const last = { text: 'event: message\ndata: {"ended":"permit_lost"}\n\n', last: true };
  expect((await told(['data: 1\n\n'], (ending) => ending.end('permit_lost'))).at(-1)).toEqual(last);
  expect((await told(['data: 1\n\n', 'data: {"half'], (ending) => ending.end('permit_lost'))).at(-1)).toEqual({
    text: 'data: {"half',
    last: false,
  });
});

test('a client that went away first is not answered, whatever ends the call afterwards (S17)', async () => {
  const gone = new Stop();
  const ending = new Ending(gone);
  gone.stop();
  ending.end('token_revoked');
  expect([ending.signal.aborted, ending.reason]).toEqual([true, undefined]);
});
