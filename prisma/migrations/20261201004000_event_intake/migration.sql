-- Which control plane takes events from the bus now: one at a time, so that each writer's are stored in order.
CREATE TABLE "EventIntake" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "holder" TEXT NOT NULL,
    "heldUntil" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "EventIntake_pkey" PRIMARY KEY ("id")
);
