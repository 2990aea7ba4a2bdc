ALTER TABLE "ConfigurationDocument"
  ADD COLUMN "set" TEXT,
  ADD COLUMN "origin" TEXT,
  ADD COLUMN "changedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  ADD COLUMN "changedBy" JSONB;
CREATE INDEX "ConfigurationDocument_set_idx" ON "ConfigurationDocument"("set");

-- The declarative file was the one writer, but for approvals of tools: those belong to whoever approved.
UPDATE "ConfigurationDocument" SET "set" = 'file' WHERE "kind" <> 'ApprovedTools';

ALTER TABLE "ConfigurationRevision"
  ADD COLUMN "actor" JSONB,
  ADD COLUMN "set" TEXT,
  ADD COLUMN "source" TEXT,
  ADD COLUMN "note" TEXT,
  ADD COLUMN "puts" INTEGER,
  ADD COLUMN "deletes" INTEGER;
CREATE INDEX "ConfigurationRevision_source_revision_idx" ON "ConfigurationRevision"("source", "revision");

CREATE TABLE "ConfigurationChange" (
    "revision" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB,
    "setBefore" TEXT,
    "setAfter" TEXT,
    "secrets" TEXT[],

    CONSTRAINT "ConfigurationChange_pkey" PRIMARY KEY ("revision", "kind", "name")
);
CREATE INDEX "ConfigurationChange_kind_name_revision_idx" ON "ConfigurationChange"("kind", "name", "revision");
