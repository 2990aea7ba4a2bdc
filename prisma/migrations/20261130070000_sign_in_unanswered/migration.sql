-- AlterTable
ALTER TABLE "IdentitySession" ADD COLUMN     "unansweredSince" TIMESTAMPTZ(3);
