import { expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.js';
import { leafHash, merkleRoot } from './merkle-root.js';
import { openNote, readNoteKey, writeNoteKey } from './signed-note.js';

test('canonical JSON is as RFC 8785 shows it (B13)', () => {
  const value: unknown = JSON.parse(String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`);
  expect(canonicalJson(value)).toBe(
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
  const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1F600}': 5, '\u0080': 6, '\u00f6': 7 };
  expect(Object.values(JSON.parse(canonicalJson(names)) as object)).toHaveLength(7);
  expect(canonicalJson(names)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
});

test('the roots of the trees that Certificate Transparency tests with are theirs (RFC 6962 §2.1, B13)', () => {
  const data = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const leaves = data.map((hex) => leafHash(Buffer.from(hex, 'hex').toString('latin1')));
  expect([0, 1, 2, 3, 5, 8].map((size) => merkleRoot(leaves.slice(0, size)).toString('hex'))).toEqual([
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ]);
});

test('a note that others signed is read, with their key as they write it (C2SP signed-note, B13)', () => {
  const text = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const key = readNoteKey(text);
  const note =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
  if (key === undefined) throw new Error('the key was not read');
  expect(writeNoteKey(key)).toBe(text);
  expect(openNote(note, [key])).toMatchObject({ signedBy: { name: 'PeterNeumann', id: 'c74f20a3' } });
  expect(openNote(note.replace('answer', 'Answer'), [key])).toEqual({ refused: 'forged' });
  for (const wrong of [text.replace('c74f', 'c74e'), text.replace('+AR', '+BR'), text.slice(0, -4), 'x+00000000+AA=='])
    expect(readNoteKey(wrong)).toBeUndefined();
});
