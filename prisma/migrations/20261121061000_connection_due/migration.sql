-- DropIndex
DROP INDEX "Connection_state_refreshDueAt_idx";

-- CreateIndex
CREATE INDEX "Connection_refreshDueAt_idx" ON "Connection"("refreshDueAt");
