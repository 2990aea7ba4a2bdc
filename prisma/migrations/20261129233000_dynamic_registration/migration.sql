-- CreateTable
CREATE TABLE "DynamicRegistration" (
    "clientId" TEXT NOT NULL,
    "idDigest" TEXT NOT NULL,
    "clientName" TEXT,
    "redirectHosts" TEXT[],
    "source" TEXT NOT NULL,
    "registeredAt" TIMESTAMPTZ(3) NOT NULL,
    "lastUsedAt" TIMESTAMPTZ(3),

    CONSTRAINT "DynamicRegistration_pkey" PRIMARY KEY ("clientId")
);

-- CreateIndex
CREATE UNIQUE INDEX "DynamicRegistration_idDigest_key" ON "DynamicRegistration"("idDigest");

-- CreateIndex
CREATE INDEX "DynamicRegistration_lastUsedAt_source_registeredAt_idx" ON "DynamicRegistration"("lastUsedAt", "source", "registeredAt");

-- CreateIndex
CREATE INDEX "DynamicRegistration_registeredAt_clientId_idx" ON "DynamicRegistration"("registeredAt", "clientId");
