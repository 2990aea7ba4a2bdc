import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KeyWrapper } from '../key-wrapper.js';

/** A key service of our own that speaks one product's protocol, with keys and ciphers that are real. */
export interface LocalKms {
  /** Each call another client of the same service. */
  wrapper(key?: 'first' | 'second'): Promise<KeyWrapper>;
  /** The same, as somebody who is not known over there. */
  stranger(): Promise<KeyWrapper>;
  readonly behaviour: KmsBehaviour;
  stop(): Promise<void>;
}

export interface KmsBehaviour {
  isDisabled: boolean;
  isForbidden: boolean;
  /** So many requests are told to come again. */
  throttled: number;
  isBroken: boolean;
  /** Requests whose credentials or signature were found right. */
  authenticated: number;
}

export const calm = (): KmsBehaviour => ({
  isDisabled: false,
  isForbidden: false,
  throttled: 0,
  isBroken: false,
  authenticated: 0,
});

/** Two keys, by name. */
export class LocalKeys {
  readonly #keys = new Map<string, Buffer>();

  add(name: string): void {
    this.#keys.set(name, randomBytes(32));
  }

  has(name: string): boolean {
    return this.#keys.has(name);
  }

  seal(name: string, plaintext: Uint8Array, aad: Uint8Array): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key(name), nonce).setAAD(aad);
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** @returns undefined when it was altered, or sealed by another key or for something else */
  open(name: string, sealed: Uint8Array, aad: Uint8Array): Buffer | undefined {
    if (sealed.length < 28) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key(name), sealed.subarray(0, 12)).setAAD(aad);
    decipher.setAuthTag(sealed.subarray(-16));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
    } catch (error) {
      if (error instanceof Error) return undefined;
      throw error;
    }
  }

  #key(name: string): Buffer {
    const key = this.#keys.get(name);
    if (!key) throw new Error(`there is no key ${name}`);
    return key;
  }
}

export type Answer = (status: number, body: unknown, headers?: Readonly<Record<string, string>>) => void;

/** @param handle what a request with this body is answered */
export function listener(handle: (request: IncomingMessage, body: string, answer: Answer) => void): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () =>
      handle(
        request,
        Buffer.concat(chunks).toString(),
        (status, body, headers = {}) =>
          void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body)),
      ),
    );
  };
}

export async function listenLocally(
  handler: RequestListener,
): Promise<{ port: number; origin: string; stop: () => Promise<void> }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
