-- CreateTable
CREATE TABLE "EndedMcpSession" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "expiresAt" INTEGER NOT NULL,
    "order" BIGSERIAL NOT NULL,

    CONSTRAINT "EndedMcpSession_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "EndedMcpSession_order_key" ON "EndedMcpSession"("order");

-- CreateIndex
CREATE INDEX "EndedMcpSession_userId_idx" ON "EndedMcpSession"("userId");

-- CreateIndex
CREATE INDEX "EndedMcpSession_expiresAt_idx" ON "EndedMcpSession"("expiresAt");

-- Ends of MCP sessions were revocations. Whose session each was had not been written down.
INSERT INTO "EndedMcpSession" ("id", "userId", "expiresAt")
SELECT subject->>'id', '', max("expiresAt") FROM "Revocation"
WHERE "subjectType" = 'mcp-session' AND "expiresAt" > extract(epoch FROM now())
GROUP BY 1;
DELETE FROM "Revocation" WHERE "subjectType" = 'mcp-session';
