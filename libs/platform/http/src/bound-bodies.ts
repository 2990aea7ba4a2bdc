import { parse as parseForm } from 'node:querystring';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { addressOwner } from './address-owner.js';
import { BadRequest } from './bad-request.js';
import { BodyRefused } from './body-refused.js';
import type { BytesInFlight, HeldBytes } from './bytes-in-flight.js';
import { readBody } from './read-body.js';

/** The largest body of a route that has no rules of its own. */
export const DEFAULT_BODY_BYTES = 16 * 1024;
/** How deep JSON may nest. What walks a body, as `JSON.stringify` does, needs stack for every level. */
const MAX_LEVELS = 100;

/** How large one body may be, and who holds its bytes. */
export interface BodyRules {
  readonly maxBytes: number;
  /** A user's id, or an address from `addressOwner`. */
  readonly owner: string;
  readonly bytes: BytesInFlight;
}

/**
 * Makes an app read forms and JSON of at most 100 levels, and no other bodies. It takes room for a body before it reads
 * it, counts the room for the sender, and gives it back when the answer is sent (security rule S33).
 * @param rulesOf the rules for a request whose caller is known; without rules, 16 KiB counted for the address
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
    if (reading === undefined) throw new TypeError('a body parser ran before the preParsing hook');
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
      const body = await new Promise(
        (resolve, reject) =>
          void parseJson(request, text, (error, parsed) => (error === null ? resolve(parsed) : reject(error))),
      );
      if (isDeeper(body, MAX_LEVELS))
        throw new BadRequest([{ pointer: '', message: `It nests deeper than ${MAX_LEVELS} levels.`, in: 'body' }]);
      return body;
    },
  );
}

/** Whether something in it lies below this many objects and arrays. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function formOf(text: string): unknown {
  const form = parseForm(text);
  if (Object.hasOwn(form, '__proto__'))
    throw new BadRequest([{ pointer: '/__proto__', message: 'A form may not have this field.', in: 'body' }]);
  return form;
}
