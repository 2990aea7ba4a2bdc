-- CreateTable
CREATE TABLE "ConnectStanding" (
    "credentialProvider" TEXT NOT NULL,
    "configured" INTEGER,
    "failures" INTEGER NOT NULL,
    "failedAt" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,
    "said" TEXT,

    CONSTRAINT "ConnectStanding_pkey" PRIMARY KEY ("credentialProvider")
);
