import { exampleEvent } from '@sallyport/audit/testing';
import { expect, test } from 'vitest';
import { shapeOf } from './log-stream.js';

const event = { ...exampleEvent('mcp.response'), sequence: 7 };

test('a stream has events as the API has them, or in OCSF of the version it names', () => {
  expect(shapeOf('native')(event)).toEqual(event);
  for (const [ocsf, version] of [
    ['1.8.0', '1.8.0'],
    ['1.9.0', '1.9.0-dev'],
  ] as const)
    expect(shapeOf({ ocsf })(event)).toMatchObject({
      class_uid: 6003,
      metadata: { version, uid: event.id, sequence: 7 },
    });
});
