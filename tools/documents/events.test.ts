import { join } from 'node:path';
import { AuditEvent, AuditEventType, ErrorClass } from '@sallyport/audit';
import { DETAIL_MEANINGS, exampleEvent, exampleRecord } from '@sallyport/audit/testing';
import { AuditRecord } from '@sallyport/messages';
import { expect, test } from 'vitest';
import { detailsOf, ERROR_CLASSES, FIELDS, renderEvents } from './event-reference.js';

test.each(AuditEventType.options)(
  'the example of %s is a sound record, and a sound event with nothing lost',
  (type) => {
    const [record, event] = [exampleRecord(type), exampleEvent(type)];
    expect(AuditRecord.parse(record)).toEqual(record);
    expect(AuditEvent.parse(event)).toEqual(event);
    expect(event.type).toBe(type);
  },
);

test('every field, every error class and every detail of an example is explained', () => {
  expect(Object.keys(FIELDS).toSorted()).toEqual(Object.keys(AuditEvent.shape).toSorted());
  expect(Object.keys(ERROR_CLASSES).toSorted()).toEqual(ErrorClass.options.toSorted());
  const explained = new Set(Object.keys(DETAIL_MEANINGS));
  expect(AuditEventType.options.flatMap(detailsOf).filter((name) => !explained.has(name))).toEqual([]);
});

test('docs/events.md has every type of event, with an example (R79)', async () => {
  await expect(renderEvents()).toMatchFileSnapshot(join(process.cwd(), 'docs', 'events.md'));
});
