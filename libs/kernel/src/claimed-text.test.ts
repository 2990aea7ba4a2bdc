import { describe, expect, test } from 'vitest';
import { claimedName, cleanText, mixesScripts, quotedName } from './claimed-text.js';

const NEVER_SHOWN =
  /(?![$+<=>^`|~])[\p{S}\p{C}\p{Me}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\p{Zl}\p{Zp}"“”„‟«»‹›]/u;

describe('a text that somebody else chose', () => {
  test('holds no emoji, dingbat or other symbol that could pose as a mark of ours (S35)', () => {
    expect(
      [
        '🔒 Claude',
        '✅Claude',
        '✔\ufe0f Claude',
        '√ Claude',
        '☑ Claude',
        'Claude®',
        '\u{1f1ea}\u{1f1fa} Claude',
        '1\ufe0f\u20e3 Claude',
      ].map((text) => cleanText(text, 80)),
    ).toEqual(['Claude', 'Claude', 'Claude', 'Claude', 'Claude', 'Claude', 'Claude', '1 Claude']);
    const kept = new Set<string>();
    for (let code = 0; code < 0x11_0000; code += 16) {
      const text = cleanText(
        Array.from({ length: 16 }, (_none, index) => `${String.fromCodePoint(code + index)} `).join(''),
        640,
      );
      for (const character of text) if (NEVER_SHOWN.test(character)) kept.add(character);
    }
    expect([...kept]).toEqual([]);
  });
  test('is one line, in the order it is read, whatever it hides (S35)', () => {
    expect(cleanText('a\r\n\u2028b\u0085c\td\u202e\u2066\u200b\u200d\u00ad\ufeff\u034f\u3164\0e', 80)).toBe('a b c de');
    expect(cleanText('\u{1d5d6}\u{1d5f9}\u{1d5ee}\u{1d602}\u{1d5f1}\u{1d5f2} ﬁle', 80)).toBe('Claude file');
  });
  test('keeps what people write with', () => {
    for (const text of [
      'C++ & $5 <b>',
      'Ağrı Ünïcödé',
      'ภาษาไทย',
      'हिन्दी',
      'עִבְרִית',
      '日本語クライアント',
      "O'Neill – (beta) #2",
    ])
      expect(cleanText(text, 80)).toBe(text);
  });
  test('is bounded in characters, in marks over one letter, and in what it costs to look at (S35)', () => {
    expect(cleanText('é'.repeat(100), 80)).toBe(`${'é'.repeat(79)}…`);
    expect(cleanText(`a${'\u0315'.repeat(200)}b`, 80)).toBe(`a${'\u0315'.repeat(4)}b`);
    expect(cleanText('\u200b'.repeat(5_000_000), 80)).toBe('');
  });
});

describe('a name that somebody gave themselves', () => {
  test('says nothing of how sure anybody is of it (S2, S35)', () => {
    expect(
      [
        '🔒 Claude (verified)',
        'Claude — Verified',
        'VERIFIED: Claude',
        'Claude [véřified]',
        '\u{1d42f}erified Claude',
        've\u200brified Claude',
        'Official Claude',
      ].map((text) => claimedName(text)),
    ).toEqual(Array.from({ length: 7 }, () => 'Claude'));
    expect(claimedName('✅ verified')).toBe('');
  });
  test('stands in quotation marks that it cannot close (S35)', () => {
    expect(quotedName('Claude” (verified by “Sallyport')).toBe("“Claude' ( by 'Sallyport”");
    expect(quotedName('Notes')).toBe('“Notes”');
  });
  test('is marked where it mixes scripts, but for those that are written together (S35)', () => {
    expect(quotedName('Cl\u0430ude')).toBe('“Cl\u0430ude” (letters of different alphabets)');
    expect(['Clαude', 'Сlaude', 'Клаude', 'Cלaude', 'Claude ᏟᏞ'].map(mixesScripts)).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(
      ['Claude 2', 'Клод 2', 'Claude クロード 日本語', 'Claude 클로드', 'Claude 中文 ㄅ', 'हिन्दी', '', '…'].map(
        mixesScripts,
      ),
    ).toEqual(Array.from({ length: 8 }, () => false));
  });
});
