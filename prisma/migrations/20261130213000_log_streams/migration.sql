-- CreateTable
CREATE TABLE "LogStreamCursor" (
    "stream" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "holder" TEXT,
    "heldUntil" TIMESTAMPTZ(3),
    "delivered" BIGINT NOT NULL DEFAULT 0,
    "deliveredAt" TIMESTAMPTZ(3),
    "failures" INTEGER NOT NULL DEFAULT 0,
    "failedAt" TIMESTAMPTZ(3),
    "nextAttemptAt" TIMESTAMPTZ(3),
    "reason" TEXT,
    "said" TEXT,

    CONSTRAINT "LogStreamCursor_pkey" PRIMARY KEY ("stream")
);

-- CreateTable
CREATE TABLE "LogStreamDeadLetter" (
    "stream" TEXT NOT NULL,
    "eventId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "severity" TEXT NOT NULL DEFAULT 'info',
    "body" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    "said" TEXT NOT NULL,
    "diedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "isAsked" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "LogStreamDeadLetter_pkey" PRIMARY KEY ("stream","eventId")
);

-- CreateIndex
CREATE INDEX "LogStreamDeadLetter_stream_isAsked_at_idx" ON "LogStreamDeadLetter"("stream", "isAsked", "at");

-- CreateIndex
CREATE INDEX "LogStreamDeadLetter_diedAt_idx" ON "LogStreamDeadLetter"("diedAt");

-- A webhook is a log stream now. Each begins behind the newest event: what is older was delivered, or is in
-- "WebhookDelivery". That is sent as if somebody had asked for a replay of dead letters.
INSERT INTO "LogStreamCursor" ("stream", "sequence")
SELECT "name", (SELECT coalesce(max("sequence"), 0) FROM "Event")
FROM "ConfigurationDocument" WHERE "kind" = 'Webhook';

INSERT INTO "LogStreamDeadLetter" ("stream", "eventId", "type", "at", "body", "attempts", "reason", "said", "isAsked")
SELECT "webhook", "eventId", "body"::jsonb->>'type', ("body"::jsonb->>'timestamp')::timestamptz,
       ("body"::jsonb->'data')::text, "attempts", 'not_delivered_yet', 'It was on its way when webhooks became log streams.',
       true
FROM "WebhookDelivery";

-- DropTable
DROP TABLE "WebhookDelivery";
