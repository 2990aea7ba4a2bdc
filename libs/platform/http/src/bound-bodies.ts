import { parse as parseForm } from 'node:querystring';
import { BadRequestException } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { addressOwner } from './address-owner.js';
import { BodyRefused } from './body-refused.js';
import type { BytesInFlight, HeldBytes } from './bytes-in-flight.js';
import { readBody } from './read-body.js';

/** Of a form, and of JSON that comes from somebody nobody knows yet. */
export const DEFAULT_BODY_BYTES = 16 * 1024;

/** How large a body may be, and in whose name its bytes are held. */
export interface BodyRules {
  readonly maxBytes: number;
  readonly owner: string;
  readonly bytes: BytesInFlight;
}

/**
 * Reads the bodies of all routes of an app: forms and JSON, nothing else. Room for a body is taken before it is read, in
 * the name of whoever sends it, and given back when the exchange is over (security rule S33).
 * @param rulesOf for routes whose caller is known by then; `undefined`: 16 KiB in the name of the address
 */
export function boundBodies(
  fastify: FastifyInstance,
  bytes: BytesInFlight,
  rulesOf: (request: FastifyRequest) => BodyRules | undefined = () => undefined,
): void {
  const open = new WeakMap<FastifyRequest, { readonly maxBytes: number; readonly held: HeldBytes }>();
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    const rules = rulesOf(request) ?? { maxBytes: DEFAULT_BODY_BYTES, owner: addressOwner(request.ip), bytes };
    const held = rules.bytes.open(rules.owner);
    open.set(request, { maxBytes: rules.maxBytes, held });
    reply.raw.once('close', held.release);
    done(null, payload);
  });
  const read = async (request: FastifyRequest, chunks: AsyncIterable<Uint8Array>): Promise<string> => {
    const reading = open.get(request);
    if (reading === undefined) throw new TypeError('a body is read before its room was opened');
    const body = await readBody(
      { chunks, contentLength: request.headers['content-length'] },
      reading.maxBytes,
      reading.held,
    );
    if (typeof body === 'string') throw new BodyRefused(body);
    return Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8');
  };
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    async (request: FastifyRequest, payload: AsyncIterable<Uint8Array>) => formOf(await read(request, payload)),
  );
  fastify.addContentTypeParser(
    'application/json',
    async (request: FastifyRequest, payload: AsyncIterable<Uint8Array>) => {
      const text = await read(request, payload);
      return await new Promise(
        (resolve, reject) =>
          void parseJson(request, text, (error, body) => (error === null ? resolve(body) : reject(error))),
      );
    },
  );
}

function formOf(text: string): unknown {
  const form = parseForm(text);
  if (Object.hasOwn(form, '__proto__')) throw new BadRequestException('A form has no such field.');
  return form;
}
