-- CreateTable
CREATE TABLE "InitialAccessTokenUse" (
    "digest" TEXT NOT NULL,
    "uses" INTEGER NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "InitialAccessTokenUse_pkey" PRIMARY KEY ("digest")
);

-- CreateIndex
CREATE INDEX "InitialAccessTokenUse_expiresAt_idx" ON "InitialAccessTokenUse"("expiresAt");
