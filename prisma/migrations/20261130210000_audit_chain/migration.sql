ALTER TABLE "Event" ADD COLUMN "digest" BYTEA;

CREATE TABLE "AuditCheckpoint" (
    "number" BIGINT NOT NULL,
    "writer" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "after" BIGINT NOT NULL,
    "upTo" BIGINT NOT NULL,
    "note" TEXT NOT NULL,
    "entries" BYTEA,
    "toldAt" TIMESTAMPTZ(3),

    CONSTRAINT "AuditCheckpoint_pkey" PRIMARY KEY ("number")
);
-- Digests do not get smaller by compression.
ALTER TABLE "AuditCheckpoint" ALTER COLUMN "entries" SET STORAGE EXTERNAL;
CREATE INDEX "AuditCheckpoint_writer_number_idx" ON "AuditCheckpoint"("writer", "number");
CREATE INDEX "AuditCheckpoint_toldAt_idx" ON "AuditCheckpoint"("toldAt");

CREATE TABLE "AuditKey" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "sealedPrivate" BYTEA NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "AuditKey_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "AuditKey_sealedBy_idx" ON "AuditKey" ((substring("sealedPrivate" from 1 for 9)), "id");
-- Of checkpoints whose events go: few, among all there ever were.
CREATE INDEX "AuditCheckpoint_entries_idx" ON "AuditCheckpoint"("number") WHERE "entries" IS NOT NULL;
