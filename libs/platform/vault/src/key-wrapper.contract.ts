import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KeyWrapper } from './key-wrapper.js';
import { calm, type LocalKms } from './testing/local-keys.js';

const context = { product: 'sallyport', purpose: 'vault-records', key: '0011223344556677' };
const code = (code: string) => expect.objectContaining({ name: 'SallyportError', code });

/** What every way to wrap keys must do. */
export function describeKeyWrapper(
  title: string,
  open: () => Promise<{ one: KeyWrapper; same: KeyWrapper; other: KeyWrapper }>,
): void {
  describe(`${title} wraps keys`, () => {
    let one: KeyWrapper;
    let same: KeyWrapper;
    let other: KeyWrapper;
    beforeAll(async () => ({ one, same, other } = await open()));

    test('so that another process with the same key unwraps them, and nobody reads them from what is kept (B1)', async () => {
      const key = randomBytes(32);
      const [wrapped, again] = [await one.wrap(key, context), await one.wrap(key, context)];
      expect(Buffer.from(wrapped).equals(again)).toBe(false);
      expect(Buffer.from(wrapped).includes(key)).toBe(false);
      expect(Buffer.from(wrapped).toString('latin1')).not.toContain(key.toString('base64'));
      expect(Buffer.from(await same.unwrap(wrapped, context)).equals(key)).toBe(true);
      expect(
        Buffer.from(await same.unwrap(again, Object.fromEntries(Object.entries(context).toReversed()))).equals(key),
      ).toBe(true);
    });

    test('for one context only (B1)', async () => {
      const wrapped = await one.wrap(randomBytes(32), context);
      for (const wrong of [
        { ...context, key: '0011223344556678' },
        { ...context, more: 'x' },
        { product: 'sallyport' },
        {},
      ])
        await expect(one.unwrap(wrapped, wrong)).rejects.toThrow(code('wrapped_key_invalid'));
    });

    test('with its own key only, and notices what was altered or cut (B1)', async () => {
      const wrapped = await one.wrap(randomBytes(32), context);
      await expect(other.unwrap(wrapped, context)).rejects.toThrow(code('wrapped_key_invalid'));
      for (const at of [0, Math.floor(wrapped.length / 3), Math.floor(wrapped.length / 2), wrapped.length - 2]) {
        const altered = Buffer.from(wrapped);
        altered[at] = (altered[at] ?? 0) ^ 1;
        await expect(one.unwrap(altered, context)).rejects.toThrow(code('wrapped_key_invalid'));
      }
      for (const cut of [wrapped.subarray(0, 1), wrapped.subarray(0, wrapped.length - 5), new Uint8Array()])
        await expect(one.unwrap(cut, context)).rejects.toThrow(code('wrapped_key_invalid'));
    });
  });
}

/** What every key service must do besides, when it is not well. */
export function describeKeyService(title: string, start: () => Promise<LocalKms>): void {
  describe(`${title} as a service`, () => {
    let kms: LocalKms;
    let wrapper: KeyWrapper;
    beforeAll(async () => {
      kms = await start();
    });
    afterAll(() => kms.stop());
    beforeEach(async () => {
      Object.assign(kms.behaviour, calm());
      wrapper = await kms.wrapper();
    });
    describeKeyWrapper(title, async () => ({
      one: await kms.wrapper(),
      same: await kms.wrapper(),
      other: await kms.wrapper('second'),
    }));

    const both = async (expected: string, wrapped: Uint8Array, from: KeyWrapper = wrapper) => {
      await expect(from.wrap(randomBytes(32), context)).rejects.toThrow(code(expected));
      const failure: unknown = await from.unwrap(wrapped, context).catch((error: unknown) => error);
      expect(failure).toEqual(code(expected));
      expect(String(failure)).not.toContain('internal words');
    };

    test('is asked with credentials it finds right, and refuses others (B1)', async () => {
      const wrapped = await wrapper.wrap(randomBytes(32), context);
      expect(kms.behaviour.authenticated).toBeGreaterThan(0);
      await both('key_service_refused', wrapped, await kms.stranger());
    });

    test('that forbids, has the key disabled or is broken is told apart, and works again afterwards (B1)', async () => {
      const key = randomBytes(32);
      const wrapped = await wrapper.wrap(key, context);
      for (const [change, expected] of [
        [{ isForbidden: true }, 'key_service_refused'],
        [{ isDisabled: true }, 'wrapping_key_unusable'],
        [{ isBroken: true }, 'key_service_unavailable'],
      ] as const) {
        Object.assign(kms.behaviour, calm(), change);
        await both(expected, wrapped);
      }
      Object.assign(kms.behaviour, calm());
      expect(Buffer.from(await wrapper.unwrap(wrapped, context)).equals(key)).toBe(true);
    });

    test('that always says to come again is unavailable, not wrong (B1)', async () => {
      const wrapped = await wrapper.wrap(randomBytes(32), context);
      kms.behaviour.throttled = 1_000;
      await both('key_service_unavailable', wrapped);
    });
  });
}
