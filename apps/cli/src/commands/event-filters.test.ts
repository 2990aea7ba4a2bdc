import { expect, test } from 'vitest';
import { momentOf } from './event-filters.js';

const NOW = Date.parse('2026-11-30T12:00:00Z');

test.each([
  ['2h', '2026-11-30T10:00:00.000Z'],
  ['7d', '2026-11-23T12:00:00.000Z'],
  ['now', '2026-11-30T12:00:00.000Z'],
  ['today', '2026-11-30T00:00:00.000Z'],
  ['yesterday', '2026-11-29T00:00:00.000Z'],
  ['2026-11-28', '2026-11-28T00:00:00.000Z'],
  ['2026-11-28T09:40:00Z', '2026-11-28T09:40:00.000Z'],
  ['2026-11-28T09:40+02:00', '2026-11-28T07:40:00.000Z'],
  ['2026-11-28T09:40', undefined],
  ['2026-13-01', undefined],
  ['999999999d', undefined],
  ['soon', undefined],
])('%s is the moment %s', (text, moment) => expect(momentOf(text, NOW)).toBe(moment));
