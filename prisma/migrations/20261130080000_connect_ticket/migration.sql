-- CreateTable
CREATE TABLE "ConnectTicket" (
    "handleDigest" TEXT NOT NULL,
    "wishDigest" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "clientId" TEXT,
    "sealed" BYTEA NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ConnectTicket_pkey" PRIMARY KEY ("handleDigest")
);

-- CreateIndex
CREATE INDEX "ConnectTicket_wishDigest_expiresAt_idx" ON "ConnectTicket"("wishDigest", "expiresAt");

-- CreateIndex
CREATE INDEX "ConnectTicket_userId_clientId_expiresAt_idx" ON "ConnectTicket"("userId", "clientId", "expiresAt");

-- CreateIndex
CREATE INDEX "ConnectTicket_userId_expiresAt_idx" ON "ConnectTicket"("userId", "expiresAt");

-- CreateIndex
CREATE INDEX "ConnectTicket_expiresAt_idx" ON "ConnectTicket"("expiresAt");

-- Values sealed with an earlier key are found without opening any: the key id is at the same place in each.
CREATE INDEX "ConnectTicket_sealedBy_idx" ON "ConnectTicket" ((substring("sealed" from 1 for 9)), "handleDigest");
