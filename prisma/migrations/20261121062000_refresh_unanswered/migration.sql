-- AlterTable
ALTER TABLE "Connection" ADD COLUMN     "refreshUnansweredSince" TIMESTAMPTZ(3);
