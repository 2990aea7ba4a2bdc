-- Events are kept by month, so that a month that is over is dropped instead of deleted row by row (decision 0064).
-- A table that has rows becomes one partition for all months up to this one, under the name "Event_before": no row is
-- copied. PostgreSQL reads the table once and builds two indexes, while nobody reads or writes events; for a hundred
-- million events that is minutes, and free space for the two indexes. Events wait in the bus and the spools meanwhile.
ALTER TABLE "Event" RENAME TO "Event_before";
ALTER INDEX "Event_pkey" RENAME TO "Event_before_pkey";
ALTER INDEX "Event_at_idx" RENAME TO "Event_before_at_idx";
ALTER INDEX "Event_type_sequence_idx" RENAME TO "Event_before_type_sequence_idx";
ALTER INDEX "Event_userId_sequence_idx" RENAME TO "Event_before_userId_sequence_idx";

CREATE TABLE "Event" (
    "sequence" BIGINT NOT NULL DEFAULT nextval('"Event_sequence_seq"'),
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "userId" TEXT,
    "clientId" TEXT,
    "sid" TEXT,
    "server" TEXT,
    "body" JSONB NOT NULL,
    "digest" BYTEA,

    CONSTRAINT "Event_pkey" PRIMARY KEY ("sequence", "at")
) PARTITION BY RANGE ("at");
ALTER SEQUENCE "Event_sequence_seq" OWNED BY "Event"."sequence";
-- The same event, delivered again, has the same time.
CREATE UNIQUE INDEX "Event_id_at_key" ON "Event"("id", "at");
CREATE INDEX "Event_at_idx" ON "Event"("at");
CREATE INDEX "Event_type_sequence_idx" ON "Event"("type", "sequence") WHERE "type" NOT IN ('mcp.request', 'mcp.response');
CREATE INDEX "Event_userId_sequence_idx" ON "Event"("userId", "sequence");

-- For what happened at a time that no month is made for; the control plane makes months ahead.
CREATE TABLE "Event_default" PARTITION OF "Event" DEFAULT;

DO $$
DECLARE
  next_month timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
  IF NOT EXISTS (SELECT FROM "Event_before") AND NOT EXISTS (SELECT FROM "AuditCheckpoint") THEN
    DROP TABLE "Event_before";
    RETURN;
  END IF;
  ALTER TABLE "Event_before" DROP CONSTRAINT "Event_before_pkey";
  ALTER TABLE "Event_before" ADD CONSTRAINT "Event_before_pkey" PRIMARY KEY ("sequence", "at");
  DROP INDEX "Event_id_key";
  CREATE UNIQUE INDEX "Event_before_id_at_key" ON "Event_before"("id", "at");
  WITH later AS (DELETE FROM "Event_before" WHERE "at" >= next_month RETURNING *)
  INSERT INTO "Event_default" SELECT * FROM later;
  EXECUTE format('ALTER TABLE "Event" ATTACH PARTITION "Event_before" FOR VALUES FROM (MINVALUE) TO (%L)', next_month);
END $$;
