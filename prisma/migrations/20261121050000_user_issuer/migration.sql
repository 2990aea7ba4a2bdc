-- AlterTable
ALTER TABLE "User" ADD COLUMN     "issuer" TEXT,
ADD COLUMN     "providerRoles" TEXT[];

-- Who is here signed in at the issuer their provider's document names, without its root slash. Where there is no such
-- document any more, nobody can say at which: they stay, revocable, and nobody ever signs in as them again.
UPDATE "User" SET "issuer" = COALESCE(
  (SELECT regexp_replace("spec"->>'issuer', '^(https?://[^/]+)/$', '\1') FROM "ConfigurationDocument" WHERE "kind" = 'TrustProvider' AND "name" = "User"."trustProvider"),
  'unknown'
);
ALTER TABLE "User" ALTER COLUMN "issuer" SET NOT NULL;

-- DropIndex
DROP INDEX "User_trustProvider_subject_key";

-- CreateIndex
CREATE UNIQUE INDEX "User_trustProvider_issuer_subject_key" ON "User"("trustProvider", "issuer", "subject");
