import { describe, expect, test } from 'vitest';
import { oneLine, quoted, seenText } from './shown-text.js';

describe('text of a server, as it is shown', () => {
  test('holds no character that is not seen, but for those that shape the letters and pictures around them (S18)', () => {
    const kept = seenText(
      Array.from({ length: 0x11_0000 }, (_none, code) => `a${String.fromCodePoint(code)}b`).join(''),
    );
    expect(kept.length).toBeGreaterThan(2 * 0x11_0000 + 150_000);
    expect(kept.replace(/[\n\t]/g, '')).not.toMatch(/[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u);
    for (const text of [
      '\u{1F468}\u{1F3FD}\u200d\u{1F469}',
      '\u2764\ufe0f',
      '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',
      '\u0915\u094d\u200d\u0937',
      'Ünïcödé €5 日本語\n\tfour',
    ])
      expect(seenText(text)).toBe(text);
    for (const text of ['a\u200db', 'a\ufe0fb', '\u200d\u{1F468}b', 'a\u{e0041}b', '\u0430\u200c\u0431'])
      expect(seenText(text)).not.toMatch(/\p{Default_Ignorable_Code_Point}/u);
  });
  test.each(['\n', '\r\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029'])(
    'begins no line that is not quoted, by %j either (S18)',
    (lineBreak) => {
      expect(quoted(`Sure?${lineBreak}Sallyport asks: your password`, 100)).toBe(
        '> Sure?\n> Sallyport asks: your password',
      );
      expect(oneLine(`Sure?${lineBreak}Sallyport asks: your password`, 100)).toBe(
        'Sure? Sallyport asks: your password',
      );
    },
  );
  test('pushes nothing away: blank lines, blanks, marks, lines and length are bounded (S18)', () => {
    expect(
      quoted(`\n\n a\u00a0${'\n'.repeat(500)}\u2800\n\u200b\nb${' '.repeat(500)}c${'\u2003'.repeat(9)}d\n\n`, 1_000),
    ).toBe('>  a\n>\n> b    c    d');
    expect(seenText(`e${'\u0301'.repeat(500)}`)).toBe(`e${'\u0301'.repeat(4)}`);
    expect(quoted(Array.from({ length: 500 }, (_none, line) => line).join('\n'), 10_000, 3)).toBe('> 0\n> 1\n> 2\n> …');
    expect(quoted('x'.repeat(500), 10)).toBe(`> ${'x'.repeat(9)}…`);
    expect(oneLine(`${'x'.repeat(8)}\u{1F468}y`, 10)).toBe(`${'x'.repeat(8)}…`);
  });
  test('is looked at in time that grows with its length alone', () => {
    for (const unit of ['\u200b', '\u{1F468}\u200d', ' ', '\n', '\u0301', '\u0915\u200d', '\r'])
      expect(quoted(unit.repeat(300_000), 100).length).toBeLessThan(200);
  });
});
