-- AlterTable
ALTER TABLE "AgentSession" ADD COLUMN     "lastUsedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- CreateIndex
CREATE INDEX "AgentSession_endedAt_lastUsedAt_idx" ON "AgentSession"("endedAt", "lastUsedAt");
