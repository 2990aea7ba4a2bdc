-- Whose calls are counted, once: the counts themselves are many, and small.
CREATE TABLE "CallSeries" (
    "id" SERIAL NOT NULL,
    "clientId" TEXT NOT NULL,
    "server" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "usedAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "CallSeries_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "CallSeries_clientId_server_tool_outcome_key" ON "CallSeries"("clientId", "server", "tool", "outcome");

CREATE TABLE "CallCount" (
    "at" TIMESTAMPTZ(3) NOT NULL,
    "spanSeconds" SMALLINT NOT NULL,
    "bucket" SMALLINT NOT NULL,
    "series" INTEGER NOT NULL,
    "calls" INTEGER NOT NULL,

    CONSTRAINT "CallCount_pkey" PRIMARY KEY ("spanSeconds", "at", "series", "bucket")
);
-- Rows of the minute and the hour that are now are counted up again and again: within their page, they touch no index.
ALTER TABLE "CallCount" SET (fillfactor = 70);
