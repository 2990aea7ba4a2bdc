import { connectDatabase } from '@sallyport/database';

/** Names of the trail that is loaded; a name with a higher number is rarer. */
export const LOADED = { users: 2_000, agents: 40, servers: 50, toolsOfServer: 20 } as const;

const CALLS_AT_ONCE = 25_000;
/** Statements take longer here than any of a service may. */
const SILENT_MS = 600_000;

/**
 * Calls of a day until now, each with its two events, as the control plane stores them: the first of each name is asked
 * for most. One call of fifty is denied, one of a hundred fails, one of ten thousand waits for somebody.
 */
const CALLS = `
  INSERT INTO "Event" ("id", "type", "at", "userId", "clientId", "sid", "server", "body")
  SELECT 'evt_' || call || '.' || half, 'mcp.' || half, moment, "user", agent, sid, server, jsonb_build_object(
    'id', 'evt_' || call || '.' || half, 'type', 'mcp.' || half, 'code', CASE half WHEN 'request' THEN 'SPG01I' ELSE 'SPG02I' END,
    'at', (extract(epoch FROM moment) * 1000)::bigint, 'userId', "user", 'userName', 'Person Number ' || u,
    'trustProvider', 'main', 'clientId', agent, 'agentName', 'Agent ' || a, 'sid', sid, 'server', server,
    'serverTitle', 'Server Number ' || s, 'tool', tool, 'outcome', outcome, 'address', '10.0.' || (u % 256) || '.7',
    'traceId', md5(call::text), 'replica', 'gateway-1', 'writer', 'gateway-1.000000000000', 'n', call,
    'detail', jsonb_build_object('callId', 'evt_' || call, 'method', 'tools/call', 'decision', 'allow',
      'policies', jsonb_build_object('clientToGateway', 'engineers', 'gatewayToServer', server || '-for-engineers'),
      'policyRevision', 1234, 'connectionId', 'con_' || md5("user" || server), 'requestBytes', 300,
      'durationMs', ms, 'upstreamMs', ms - 1, 'overheadMs', 1))
  FROM (SELECT call, u, a, s, 'usr_' || u AS "user", 'https://agents.example/' || a || '/client.json' AS agent,
      'ses_' || u || '_' || a AS sid, 'server-' || s AS server, 'tool_' || t AS tool, 5 + 400 * random() ^ 4 AS ms,
      CASE WHEN luck < 0.0001 THEN 'pending' WHEN luck < 0.01 THEN 'failure' WHEN luck < 0.03 THEN 'denied'
        ELSE 'success' END AS outcome,
      now() - interval '1 day' + (call::float8 / $3) * interval '1 day' AS moment
    FROM generate_series($1::int, $2::int) AS call,
      LATERAL (SELECT floor(random() ^ 2 * ${LOADED.users} + 0 * call)::int AS u,
        floor(random() ^ 2 * ${LOADED.agents})::int AS a, floor(random() ^ 2 * ${LOADED.servers})::int AS s,
        floor(random() ^ 2 * ${LOADED.toolsOfServer})::int AS t, random() AS luck) AS drawn) AS made,
    unnest(ARRAY['request', 'response']) AS half`;

/** As `CallCounter` of the control plane counts. */
const SERIES = `
  INSERT INTO "CallSeries" ("clientId", "server", "tool", "outcome", "usedAt")
  SELECT DISTINCT "clientId", "server", "body"->>'tool', "body"->>'outcome', now() FROM "Event"
  WHERE "type" = 'mcp.response'`;
const COUNTS = `
  INSERT INTO "CallCount" ("spanSeconds", "at", "series", "bucket", "calls")
  SELECT span, date_bin(make_interval(secs => span), "Event"."at", timestamptz 'epoch'), series."id",
    ceil(ln(("body"->'detail'->>'durationMs')::float8) / ln(1.25))::smallint, count(*)
  FROM "Event" JOIN "CallSeries" AS series ON series."clientId" = "Event"."clientId"
      AND series."server" = "Event"."server" AND series."tool" = "body"->>'tool' AND series."outcome" = "body"->>'outcome',
    unnest(ARRAY[60, 3600]) AS span
  WHERE "type" = 'mcp.response' GROUP BY 1, 2, 3, 4`;

/** Months as the control plane makes them: it would have to move what is in them already. */
function monthsUntil(now: number): string[] {
  const [year, month] = [new Date(now).getUTCFullYear(), new Date(now).getUTCMonth()];
  return [-1, 0].map((shift) => {
    const [from, to] = [shift, shift + 1].map((one) => new Date(Date.UTC(year, month + one)).toISOString());
    const name = `Event_${from?.slice(0, 7).replace('-', '_')}`;
    return `CREATE TABLE "${name}" PARTITION OF "Event" FOR VALUES FROM ('${from}') TO ('${to}')`;
  });
}

/** Fills an empty trail with so many events of a day. @returns seconds it took */
export async function loadTrail(url: string, events: number): Promise<number> {
  const database = connectDatabase(url, 1, SILENT_MS);
  const began = performance.now();
  try {
    for (const month of monthsUntil(Date.now())) await database.$executeRawUnsafe(month);
    const calls = events / 2;
    for (let first = 1; first <= calls; first += CALLS_AT_ONCE)
      await database.$executeRawUnsafe(CALLS, first, Math.min(calls, first + CALLS_AT_ONCE - 1), calls);
    await database.$executeRawUnsafe(SERIES);
    await database.$executeRawUnsafe('ANALYZE "CallSeries"');
    await database.$executeRawUnsafe(COUNTS);
    await database.$executeRawUnsafe('VACUUM (ANALYZE) "Event", "CallCount"');
  } finally {
    await database.$disconnect();
  }
  return (performance.now() - began) / 1000;
}
