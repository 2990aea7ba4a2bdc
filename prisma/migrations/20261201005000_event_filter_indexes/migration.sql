-- For filters of events whose values are rare or do not occur. Of 32 pages each, it is known what they cannot hold: what a
-- filter looks for is in few of them. The expressions are those of event-filter.ts. Storing an event writes to none of
-- its pages but for the newest.
CREATE INDEX "Event_filters_idx" ON "Event" USING brin (
  "clientId" text_bloom_ops, "sid" text_bloom_ops, "server" text_bloom_ops,
  (coalesce("body"->>'tool',
    CASE WHEN "body"->'detail'->>'method' = 'tools/call' THEN "body"->'detail'->>'target' END)) text_bloom_ops,
  (coalesce("body"->>'traceId', "body"->'detail'->>'traceId')) text_bloom_ops,
  ("body"->'detail'->'policies'->>'clientToGateway') text_bloom_ops,
  ("body"->'detail'->'policies'->>'gatewayToServer') text_bloom_ops
) WITH (pages_per_range = 32, autosummarize = on);
