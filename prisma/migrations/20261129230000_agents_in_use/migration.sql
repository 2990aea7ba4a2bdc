-- CreateIndex
CREATE INDEX "AgentConsent_clientId_idx" ON "AgentConsent"("clientId");

-- CreateIndex
CREATE INDEX "AgentSession_clientId_endedAt_idx" ON "AgentSession"("clientId", "endedAt");
