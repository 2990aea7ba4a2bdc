-- CreateTable
CREATE TABLE "EventExport" (
    "id" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL,
    "createdBy" JSONB NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "format" TEXT NOT NULL,
    "filter" JSONB NOT NULL,
    "after" BIGINT NOT NULL,
    "upTo" BIGINT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "readAt" TIMESTAMPTZ(3),

    CONSTRAINT "EventExport_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "EventExport_owner_idx" ON "EventExport"("owner");
