import type { Readable } from 'node:stream';
import { applyDecorators, createParamDecorator, HttpCode, RequestMapping, RequestMethod } from '@nestjs/common';
import type { ExecutionContext, PipeTransform } from '@nestjs/common';
import type { AnswerOf, RequestOf, Route } from '@sallyport/admin-api';
import { parseRequest, type RequestPart } from '@sallyport/http';
import type { FastifyRequest } from 'fastify';
import { Permitted } from './access.js';

type Part = 'params' | 'query' | 'headers' | 'body';
type Parts = Readonly<Partial<Record<Part, unknown>>>;
/** In the order in which they are looked at. */
const PARTS: readonly (readonly [Part, RequestPart])[] = [
  ['params', 'path'],
  ['query', 'query'],
  ['headers', 'headers'],
  ['body', 'body'],
];

/** Parses the parts of a request that its route declares. Nest answers a `BadRequest` with 400. */
class RequestPipe implements PipeTransform<Parts, Parts> {
  readonly #route: Route;

  constructor(route: Route) {
    this.#route = route;
  }

  transform(sent: Parts): Parts {
    const parts = PARTS.flatMap(([part, name]) => {
      const schema = this.#route[part];
      return schema === undefined ? [] : [[part, parseRequest(schema, sent[part] ?? undefined, name)] as const];
    });
    return Object.fromEntries(parts);
  }
}

const Sent = createParamDecorator((_data: undefined, context: ExecutionContext): Parts => {
  const { params, query, headers, body } = context.switchToHttp().getRequest<FastifyRequest>();
  return { params, query, headers, body };
});

/**
 * Makes a method of a controller the handler of an API route: address, permission and status are the route's, and the
 * method's first argument is the request, parsed by the route's schemas. The type holds the method to what the route
 * answers. A method that answers with another status than the first of the route sets it on the reply, and one that
 * streams gives a `Readable` and sets its media type.
 */
export function Serve<const R extends Route>(route: R) {
  type Streamed = R extends { readonly streams: object } ? Readable : never;
  type Handler = (request: RequestOf<R>, ...more: never[]) => Promise<AnswerOf<R> | Streamed>;
  return <H extends Handler>(target: object, name: string, descriptor: TypedPropertyDescriptor<H>): void => {
    applyDecorators(
      RequestMapping({ method: RequestMethod[route.method], path: route.path }),
      HttpCode(statusOf(route)),
      Permitted(route.permission),
    )(target, name, descriptor);
    Sent(new RequestPipe(route))(target, name, 0);
  };
}

/**
 * Objects list number-like keys in ascending order: a route that can answer 201 answers it unless it says otherwise.
 */
const statusOf = ({ answers }: Route): number => (answers[201] === undefined ? 200 : 201);
