-- CreateTable
CREATE TABLE "VaultKey" (
    "id" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "wrapped" BYTEA NOT NULL,
    "wrappedBy" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sealsFrom" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "VaultKey_pkey" PRIMARY KEY ("id")
);

-- Which key sealed what: format version and key id are the first nine bytes of every sealed value. By them a rotation
-- finds what is left to do, in the order it goes through a table, and tells how much that is. Prisma has no word for an
-- index on an expression.
CREATE INDEX "Connection_sealedBy_idx" ON "Connection" ((substring("sealedCredential" from 1 for 9)), "id");
CREATE INDEX "StoredSecret_sealedBy_idx" ON "StoredSecret" ((substring("sealed" from 1 for 9)), "name");
CREATE INDEX "DownstreamRegistration_sealedBy_idx" ON "DownstreamRegistration" ((substring("sealed" from 1 for 9)), "issuer");
CREATE INDEX "ConnectFlow_sealedBy_idx" ON "ConnectFlow" ((substring("sealed" from 1 for 9)), "stateDigest");
CREATE INDEX "BrowserSession_sealedBy_idx" ON "BrowserSession" ((substring("sealed" from 1 for 9)), "idDigest");
CREATE INDEX "OidcArtifact_sealedBy_idx" ON "OidcArtifact" ((substring("payload" from 1 for 9)), "kind", "idDigest");
CREATE INDEX "IdentitySession_sealedBy_idx" ON "IdentitySession" ((substring("sealedTokens" from 1 for 9)), "id");
CREATE INDEX "SigningKey_sealedBy_idx" ON "SigningKey" ((substring("sealedPrivate" from 1 for 9)), "kid");
