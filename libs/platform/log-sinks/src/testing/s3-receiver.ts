import { createHash, createHmac } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { SignatureV4 } from '@smithy/signature-v4';
import { HttpReceiver, type ArrivedRequest, type GivenAnswer } from './http-receiver.js';
import type { TestReceiver } from './test-receiver.js';

export interface S3Receiver extends TestReceiver {
  readonly endpoint: string;
  /** By key, with the bucket before it. */
  readonly objects: Map<string, Buffer>;
}

/** Signs each request anew with AWS's own implementation, from what arrived, and compares. */
export async function startS3Receiver(credentials: {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}): Promise<S3Receiver> {
  const { region, ...keys } = credentials;
  const signer = new SignatureV4({ credentials: keys, region, service: 's3', sha256: Sha256, uriEscapePath: false });
  const objects = new Map<string, Buffer>();
  const isSigned = async ({ method, path, headers, body }: ArrivedRequest): Promise<boolean> => {
    const { authorization = '' } = headers;
    const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
    const digest = createHash('sha256').update(body).digest('hex');
    if (headers['x-amz-content-sha256'] !== digest || !names.includes('x-amz-content-sha256')) return false;
    const stamp = String(headers['x-amz-date']);
    const signed = await signer.sign(
      {
        method,
        protocol: 'http:',
        hostname: headers.host ?? '',
        path,
        query: {},
        headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
        body: new Uint8Array(body),
      },
      {
        signingDate: new Date(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')),
        signableHeaders: new Set(names),
        unsignableHeaders: new Set(),
      },
    );
    return signed.headers['authorization'] === authorization;
  };
  const http = new HttpReceiver(async (request): Promise<GivenAnswer> => {
    if (!(await isSigned(request))) return { status: 403, body: '<Error><Code>SignatureDoesNotMatch</Code></Error>' };
    objects.set(decodeURIComponent(request.path.slice(1)), request.body);
    return { status: 200 };
  });
  await http.start();
  const lines = () => [...objects.values()].flatMap((body) => gunzipSync(body).toString().trimEnd().split('\n'));
  return {
    http,
    kept: () => Promise.resolve(lines()),
    poison: new Set(),
    endpoint: http.origin,
    objects,
    stop: () => http.stop(),
  };
}

/** What the signer asks for, by Node. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | Uint8Array | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }
  update(chunk: string | Uint8Array | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(chunk));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
  reset(): void {
    throw new Error('not needed');
  }
}

const bytesOf = (data: string | Uint8Array | ArrayBuffer | ArrayBufferView): string | Uint8Array =>
  typeof data === 'string' || data instanceof Uint8Array
    ? data
    : new Uint8Array(data instanceof ArrayBuffer ? data : data.buffer);
