import { SERVERS_SCOPE, signIn } from '@sallyport/e2e';
import { SallyportError } from '@sallyport/kernel';
import { Pool } from 'undici';
import { z } from 'zod';
import { whatIsWrong } from '../load/check-answers.js';
import { modern, modernCalls, type McpRequest } from '../load/mcp-request.js';
import type { DistributedProduct } from '../subjects/product.js';
import type { BenchServer } from '../subjects/subject.js';

export interface FirstAnswers {
  /** Milliseconds each, those of wrong answers too. */
  readonly took: readonly number[];
  readonly wrong: readonly string[];
}

/** One after the other. The first opens what others share, and is not counted. */
async function timeEach(origin: string, requests: readonly McpRequest[]): Promise<FirstAnswers> {
  const pool = new Pool(origin, { connections: 1, pipelining: 1 });
  try {
    const took: number[] = [];
    const wrong: string[] = [];
    for (const request of requests) {
      const began = performance.now();
      const seen = await whatIsWrong(pool, request);
      took.push(performance.now() - began);
      if (seen !== undefined) wrong.push(seen);
    }
    return { took: took.slice(1), wrong };
  } finally {
    await pool.close();
  }
}

/** The first call of each user: the token is verified and a credential is leased before it is sent. */
export async function timeFirstCalls(product: DistributedProduct, server: BenchServer, users: number) {
  const route = { path: '/mcp', server: server.name, toolName: (tool: string) => product.toolName(server.name, tool) };
  const calls = modernCalls(route, users + 1, { tokens: await product.tokens(users + 1) });
  return timeEach(product.origin, calls);
}

/** The first list of each user, of servers whose lists are each user's own. @param last a tool that it must hold */
export async function timeFirstLists(product: DistributedProduct, last: string, users: number) {
  const expected = `"name":"${last}"`;
  const tokens = await product.tokens(users + 1);
  const lists = tokens.map((token, index) => modern('/mcp', 'tools/list', { index, token, expected }));
  return timeEach(product.origin, lists);
}

const Tokens = z.object({ access_token: z.string(), refresh_token: z.string() });

/** Refreshes of one session: fewer than the authorization server takes of it in a minute. */
const REFRESHES_EACH = 100;

/** An agent refreshes its token, again and again, and gets a new one each time; after a while in a session anew. */
export async function timeTokens({ system }: DistributedProduct, times: number): Promise<number[]> {
  const took: number[] = [];
  while (took.length < times) {
    const { issuer, resource, publicClientId, ...agent } = await signIn(system, SERVERS_SCOPE);
    let { refreshToken } = agent;
    for (const end = Math.min(times, took.length + REFRESHES_EACH); took.length < end;) {
      const began = performance.now();
      const answer = await fetch(`${issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: refreshToken,
          client_id: publicClientId,
          resource,
        }),
      });
      const text = await answer.text();
      took.push(performance.now() - began);
      if (!answer.ok)
        throw new SallyportError('bench_wrong_answers', `The token endpoint answers ${answer.status} ${text}`);
      refreshToken = Tokens.parse(JSON.parse(text)).refresh_token;
    }
  }
  return took;
}
