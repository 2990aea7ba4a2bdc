import { expect, test } from 'vitest';
import { CSV_HEAD, csvLine } from './export-lines.js';

const event = {
  ...{ sequence: 7, id: 'evt_7', type: 'mcp.response' as const, at: Date.UTC(2026, 10, 30), replica: 'gateway-1' },
  detail: {
    errorCode: -32_602,
    policies: { clientToGateway: 'everybody', gatewayToServer: null },
    method: 'tools/call',
  },
};
const cellsOf = (line: string) =>
  Object.fromEntries(
    CSV_HEAD.trimEnd()
      .split(',')
      .map((title, at) => [title, line.trimEnd().split(',')[at]]),
  );

test('a line of CSV has each fact in its column, and all of the detail (R77)', () => {
  expect(cellsOf(csvLine(event))).toMatchObject({
    ...{ sequence: '7', at: '2026-11-30T00:00:00.000Z', type: 'mcp.response', userId: '', errorCode: '-32602' },
    ...{ method: 'tools/call', clientPolicy: 'everybody', serverPolicy: '', id: 'evt_7' },
  });
  expect(csvLine(event)).toContain(`"{""errorCode"":-32602,`);
});

test.each([
  ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ['+1', "'+1"],
  ['-1+1', "'-1+1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "' =1"],
  [' =1', "' =1"],
  ['a\r\n=b', 'a =b'],
  ['say "hi", now', '"say ""hi"", now"'],
  ['harmless-name', 'harmless-name'],
])('a name %j is no formula and no second line: %s (RFC 4180)', (userName, cell) => {
  const line = csvLine({ ...event, userName });
  expect(line).toContain(`,${cell},`);
  expect(line.split('\n')).toHaveLength(2);
});
