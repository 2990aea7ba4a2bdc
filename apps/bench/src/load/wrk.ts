import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SallyportError } from '@sallyport/kernel';
import { findBinary, makeScratch, removeScratch } from '@sallyport/testing';
import { z } from 'zod';
import type { Load, LoadOrder, LoadResult } from './load.js';
import type { McpRequest } from './mcp-request.js';

const run = promisify(execFile);

/** Reads the requests from a file, sends them in turn, and prints what it measured as one line of JSON. */
const script = (file: string, thinkMs: number): string => `
local requests, at = {}, 0
function init(args)
  local file = assert(io.open(${JSON.stringify(file)}, "rb"))
  while true do
    local length = file:read("*l")
    if not length then break end
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
end
function request()
  at = at % #requests + 1
  return requests[at]
end
${thinkMs > 0 ? `function delay() return math.floor(-math.log(1 - math.random()) * ${thinkMs} + 0.5) end` : ''}
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {"requests":%d,"microseconds":%d,"errors":%d,"p50":%d,"p99":%d,"p999":%d,"max":%d}\\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
`;

const Result = z.object({
  requests: z.number(),
  microseconds: z.number(),
  errors: z.number(),
  p50: z.number(),
  p99: z.number(),
  p999: z.number(),
  max: z.number(),
});

/** As it goes over the wire. */
export function requestText(host: string, { path, headers, body }: McpRequest): string {
  const lines = Object.entries({ host, ...headers, 'content-length': String(Buffer.byteLength(body)) });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** wrk, which needs next to nothing of the machine that it shares with what it measures. */
export async function findWrk(): Promise<Load> {
  const { path, env } = await findBinary('wrk');
  return {
    name: 'wrk',
    async run({ origin, requests, connections, seconds, thinkMs }: LoadOrder): Promise<LoadResult> {
      const scratch = makeScratch('wrk');
      try {
        const file = join(scratch, 'requests');
        const { host } = new URL(origin);
        const texts = requests.map((request) => requestText(host, request));
        writeFileSync(file, texts.map((text) => `${Buffer.byteLength(text)}\n${text}`).join(''));
        const lua = join(scratch, 'load.lua');
        writeFileSync(lua, script(file, thinkMs));
        const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', lua, origin];
        const { stdout } = await run(path, args, { env: { ...env } });
        const line = /^RESULT (.+)$/m.exec(stdout)?.[1];
        if (line === undefined) throw new SallyportError('bench_load_failed', `wrk printed no result:\n${stdout}`);
        const { microseconds, ...result } = Result.parse(JSON.parse(line));
        const milliseconds = (of: number) => (result.requests === 0 ? Number.NaN : of / 1000);
        return {
          requests: result.requests,
          errors: result.errors,
          seconds: microseconds / 1e6,
          p50: milliseconds(result.p50),
          p99: milliseconds(result.p99),
          p999: milliseconds(result.p999),
          max: milliseconds(result.max),
        };
      } finally {
        removeScratch(scratch);
      }
    },
  };
}
