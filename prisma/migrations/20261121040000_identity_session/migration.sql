-- AlterTable
ALTER TABLE "AgentSession" ADD COLUMN     "endReason" TEXT,
ADD COLUMN     "identitySessionId" TEXT,
ADD COLUMN     "lastUsedAddress" TEXT,
ADD COLUMN     "redirectHost" TEXT,
ADD COLUMN     "reportedAgainAt" TIMESTAMPTZ(3),
ADD COLUMN     "sourceAddress" TEXT,
ADD COLUMN     "userAgent" TEXT;

-- CreateTable
CREATE TABLE "IdentitySession" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "trustProvider" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "providerSid" TEXT,
    "sealedTokens" BYTEA,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "lockOwner" TEXT,
    "lockUntil" TIMESTAMPTZ(3),
    "askedAt" TIMESTAMPTZ(3) NOT NULL,
    "confirmedAt" TIMESTAMPTZ(3) NOT NULL,
    "browserDigest" TEXT,
    "browserEndedAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL,
    "endedAt" TIMESTAMPTZ(3),

    CONSTRAINT "IdentitySession_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "IdentitySession_userId_idx" ON "IdentitySession"("userId");

-- CreateIndex
CREATE INDEX "IdentitySession_trustProvider_providerSid_idx" ON "IdentitySession"("trustProvider", "providerSid");

-- CreateIndex
CREATE INDEX "IdentitySession_trustProvider_subject_idx" ON "IdentitySession"("trustProvider", "subject");

-- CreateIndex
CREATE INDEX "IdentitySession_browserDigest_idx" ON "IdentitySession"("browserDigest");

-- CreateIndex
CREATE INDEX "IdentitySession_trustProvider_endedAt_askedAt_idx" ON "IdentitySession"("trustProvider", "endedAt", "askedAt");

-- CreateIndex
CREATE INDEX "AgentSession_identitySessionId_idx" ON "AgentSession"("identitySessionId");

-- AddForeignKey
ALTER TABLE "AgentSession" ADD CONSTRAINT "AgentSession_identitySessionId_fkey" FOREIGN KEY ("identitySessionId") REFERENCES "IdentitySession"("id") ON DELETE SET NULL ON UPDATE CASCADE;


