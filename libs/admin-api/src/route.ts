import type { z } from 'zod';
import type { Permission } from './permission.js';

/** Statuses of answers that carry what was asked for. */
export type SuccessStatus = 200 | 201;
/** Statuses of refusals that a route words itself. Every route may answer 400, 401, 431 and 503 besides. */
export type ProblemStatus = 400 | 403 | 404 | 409 | 412 | 422 | 428 | 429 | 503;

/**
 * One route of the API, as data: the control plane serves it, the client calls it, and a description of the API is made
 * from it. Schemas describe what travels: a query holds strings, a moment is an ISO 8601 text.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Parameters are written `:name`, e.g. `/v1/connections/:id`. */
  readonly path: `/v1/${string}`;
  /** What whoever asks must be permitted. */
  readonly permission: Permission;
  /** One sentence: what the route does. */
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodType;
  /** Request headers that the route reads, by lower-case name. */
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The largest body in bytes; 1 MiB unless said. */
  readonly maxBodyBytes?: number;
  /** By status. The first is the one that is answered unless the route's summary or schema says when another is. */
  readonly answers: Readonly<Partial<Record<SuccessStatus, z.ZodType>>>;
  /** What the route streams besides, or instead, by the media type that `Accept` asks for, in one sentence each. */
  readonly streams?: Readonly<Record<string, string>>;
  /** Headers of the answer besides `Sallyport-Revision`, by lower-case name, in one sentence each. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** What went wrong, by status, in one sentence for whoever reads the description of the API. */
  readonly problems?: Readonly<Partial<Record<ProblemStatus, string>>>;
}

/** Checks a route's shape and keeps its own type. */
export const route = <const R extends Route>(one: R): R => one;

type PartsOf<R extends Route> = {
  [Part in 'params' | 'query' | 'headers' | 'body' as R[Part] extends z.ZodType ? Part : never]: R[Part];
};
/** What a handler of the route gets: the parts of the request that the route declares, parsed. */
export type RequestOf<R extends Route> = {
  readonly [Part in keyof PartsOf<R>]: PartsOf<R>[Part] extends z.ZodType ? z.output<PartsOf<R>[Part]> : never;
};
type InputOf<S> = S extends z.ZodType ? z.input<S> : never;
/** The query of a route in which nothing is required: it may be left out. */
type Loose<R extends Route> = 'query' extends keyof PartsOf<R>
  ? Record<string, never> extends InputOf<R['query']>
    ? 'query'
    : never
  : never;
/** What a caller of the route gives: the same parts before they are parsed; the client has options for headers. */
export type CallOf<R extends Route> = {
  readonly [Part in Exclude<keyof PartsOf<R>, 'headers' | Loose<R>>]: InputOf<PartsOf<R>[Part]>;
} & { readonly [Part in Loose<R>]?: InputOf<R[Part]> };
/** What the route answers when it does not refuse. */
export type AnswerOf<R extends Route> = {
  [S in keyof R['answers']]: R['answers'][S] extends z.ZodType ? z.output<R['answers'][S]> : never;
}[keyof R['answers']];
