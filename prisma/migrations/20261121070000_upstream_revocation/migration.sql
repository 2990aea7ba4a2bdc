-- AlterTable
ALTER TABLE "Connection" ADD COLUMN     "accountId" TEXT,
ADD COLUMN     "accountName" TEXT;

-- CreateTable
CREATE TABLE "UpstreamRevocation" (
    "id" TEXT NOT NULL,
    "userId" TEXT,
    "server" TEXT NOT NULL,
    "credentialProvider" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "issuer" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "tokenEndpoint" TEXT NOT NULL,
    "revocationEndpoint" TEXT NOT NULL,
    "targetOrigin" TEXT NOT NULL,
    "clientId" TEXT NOT NULL,
    "sealedCredential" BYTEA NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "dueAt" TIMESTAMPTZ(3) NOT NULL,
    "owner" TEXT,
    "removedAt" TIMESTAMPTZ(3) NOT NULL,
    "givesUpAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "UpstreamRevocation_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "UpstreamRevocation_dueAt_idx" ON "UpstreamRevocation"("dueAt");

-- CreateIndex
CREATE INDEX "ConnectionConsent_clientId_idx" ON "ConnectionConsent"("clientId");

-- A unique index takes each null for another value: shared connections, which have no user, need one of their own.
CREATE UNIQUE INDEX "Connection_shared_key" ON "Connection"("server", "credentialProvider") WHERE "userId" IS NULL;

-- What a rotation of vault keys goes by.
CREATE INDEX "UpstreamRevocation_sealedBy_idx" ON "UpstreamRevocation" ((substring("sealedCredential" from 1 for 9)), "id");
