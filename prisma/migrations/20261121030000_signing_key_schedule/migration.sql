-- DropIndex
DROP INDEX "SigningKey_purpose_createdAt_idx";

-- AlterTable
ALTER TABLE "SigningKey" ADD COLUMN     "signsFrom" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "withdrawnAt" TIMESTAMPTZ(3);

-- A key that exists signs already.
UPDATE "SigningKey" SET "signsFrom" = "createdAt";

-- CreateIndex
CREATE INDEX "SigningKey_purpose_signsFrom_idx" ON "SigningKey"("purpose", "signsFrom");
