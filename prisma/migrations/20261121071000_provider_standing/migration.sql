-- A provider's failures are the provider's from now on.
UPDATE "Connection" SET "state" = 'connected' WHERE "state" IN ('retrying', 'provider_fault');

-- DropIndex
DROP INDEX "Connection_refreshDueAt_idx";

-- CreateTable
CREATE TABLE "ProviderStanding" (
    "credentialProvider" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "configured" INTEGER,
    "reason" TEXT NOT NULL,
    "error" TEXT,
    "description" TEXT,
    "failures" INTEGER NOT NULL,
    "failedAt" TIMESTAMPTZ(3) NOT NULL,
    "pausedSince" TIMESTAMPTZ(3),
    "failedProbes" INTEGER NOT NULL,
    "nextProbeAt" TIMESTAMPTZ(3),
    "probingUntil" TIMESTAMPTZ(3),

    CONSTRAINT "ProviderStanding_pkey" PRIMARY KEY ("credentialProvider","issuer")
);

-- CreateIndex
CREATE INDEX "Connection_credentialProvider_issuer_refreshDueAt_idx" ON "Connection"("credentialProvider", "issuer", "refreshDueAt");

-- CreateIndex
CREATE INDEX "Connection_refreshUnansweredSince_idx" ON "Connection"("refreshUnansweredSince");
