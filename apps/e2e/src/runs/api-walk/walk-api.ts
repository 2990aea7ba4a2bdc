import { isPermitted, Permission } from '@sallyport/admin-api';
import type { ApiDescription } from '@sallyport/admin-api/openapi';
import fc from 'fast-check';
import { Pool } from 'undici';
import { operationsOf, requestsTo, type ApiRequest, type Described } from './api-request.js';
import { createJudge, type ApiAnswer, type Asker } from './judge-answer.js';
import type { KnownNames } from './value-of-schema.js';

export interface Walk {
  readonly url: string;
  readonly askers: readonly Asker[];
  readonly known: KnownNames;
  readonly seed: number;
  /** How many requests each operation gets from each who may ask it, and from each who may not. */
  readonly requests: { readonly ofPermitted: number; readonly ofOthers: number };
}

export interface WalkReport {
  /** Operation and who asked, with the smallest request found that is answered wrongly. */
  readonly failures: readonly string[];
  readonly cells: number;
  readonly requests: number;
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** As many cells are walked side by side. */
const AT_ONCE = 4;
/** `GET /v1/verify` looks at the whole deployment each time, and takes seconds. */
const SLOW: ReadonlySet<string> = new Set(['verify']);
const MAX_SHOWN = 2_000;

/** Asks every operation that the API describes as everybody, with generated requests, and judges each answer. */
export async function walkApi({ url, askers, known, seed, requests }: Walk): Promise<WalkReport> {
  const pool = new Pool(url, { connections: 2 * AT_ONCE });
  const api = (await (await fetch(`${url}/v1/openapi.json`)).json()) as ApiDescription;
  const judge = createJudge(api);
  const [failures, statuses]: [string[], Record<string, number>] = [[], {}];
  let sent = 0;
  const walkCell = async (described: Described, asker: Asker): Promise<void> => {
    const property = fc.asyncProperty(requestsTo(described, { api, known }), async (request) => {
      const answer = await send(pool, described, asker, request);
      sent += 1;
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const wrong = judge(described, asker, request, answer);
      if (wrong.length > 0) throw new Error(`${wrong.join('; ')}\n${answer.text.slice(0, MAX_SHOWN)}`);
    });
    const runs = mayAsk(described, asker) ? requests.ofPermitted : requests.ofOthers;
    const numRuns = SLOW.has(described.operation.operationId) ? 1 : runs;
    const result = await fc.check(property, { seed, numRuns, interruptAfterTimeLimit: 20_000 });
    if (result.failed && result.counterexample !== null) failures.push(failure(described, asker, result));
  };
  const cells = operationsOf(api).flatMap((described) => askers.map((asker) => [described, asker] as const));
  const waiting = [...cells];
  const work = async () => {
    for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) await walkCell(...cell);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await pool.close();
  return { failures, cells: cells.length, requests: sent, statuses };
}

const mayAsk = ({ operation }: Described, { role }: Asker): boolean =>
  role !== undefined && isPermitted([role], Permission.parse(operation['x-permission']));

async function send(pool: Pool, { method }: Described, { token }: Asker, request: ApiRequest): Promise<ApiAnswer> {
  const { path, headers, body } = request;
  const answer = await pool.request({
    path,
    method,
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(body !== undefined && { body }),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

function failure({ method, template }: Described, { name }: Asker, result: fc.RunDetails<[ApiRequest]>): string {
  const error = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  const request = JSON.stringify(result.counterexample?.[0]).slice(0, MAX_SHOWN);
  return `${method} ${template} as ${name}: ${error}\n${request}\nseed ${result.seed}, path ${result.counterexamplePath}`;
}
