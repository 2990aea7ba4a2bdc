import { describe, expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.js';

describe('a bounded map', () => {
  test('forgets the least recently used entry once it is full', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    expect(map.get('a')).toBe(1);
    map.set('c', 3);
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
  });
  test('keeps what is used however much comes after it, as long as that is used less', () => {
    const map = new BoundedMap<string, number>(4);
    map.set('used', 0);
    for (let i = 1; i <= 100; i++) {
      map.set(`other-${i}`, i);
      expect(map.get('used')).toBe(0);
    }
    expect(map.size).toBe(4);
  });
  test('has room for what is new also where everything was used', () => {
    const map = new BoundedMap<number, number>(1_000);
    for (let i = 0; i < 1_000; i++) map.set(i, i);
    for (let i = 0; i < 1_000; i++) map.get(i);
    map.set(1_000, 1_000);
    expect([map.get(1_000), map.size]).toEqual([1_000, 1_000]);
  });
  test('replacing an entry takes no second place', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    map.set('a', 2);
    map.set('b', 3);
    expect([map.get('a'), map.get('b')]).toEqual([2, 3]);
  });
  test('with a weight forgets until the rest is light enough, and counts what was deleted as gone', () => {
    const map = new BoundedMap<string, number>(10, { of: (value) => value, limit: 10 });
    map.set('a', 4);
    map.set('b', 4);
    map.set('c', 4);
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([undefined, 4, 4]);
    map.delete('b');
    map.set('d', 6);
    expect([map.get('c'), map.get('d')]).toEqual([4, 6]);
    map.set('c', 1);
    map.set('e', 3);
    expect(map.size).toBe(3);
    map.set('huge', 11);
    expect([map.get('huge'), map.size]).toEqual([undefined, 3]);
    map.set('d', 11);
    expect([map.get('d'), map.size]).toEqual([undefined, 2]);
  });
  test('sweeps what matches', () => {
    const map = new BoundedMap<string, number>(3);
    for (const [key, value] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const)
      map.set(key, value);
    map.deleteWhere((value) => value > 1);
    expect([map.get('a'), map.size]).toEqual([1, 1]);
  });
  test('without room it is a programming error', () => {
    expect(() => new BoundedMap(0)).toThrow(RangeError);
  });
});
