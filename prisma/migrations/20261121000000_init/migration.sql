-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL,
    "trustProvider" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "email" TEXT,
    "name" TEXT,
    "groups" TEXT[],
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lastSignInAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "OidcArtifact" (
    "kind" TEXT NOT NULL,
    "idDigest" TEXT NOT NULL,
    "payload" BYTEA NOT NULL,
    "grantDigest" TEXT,
    "uidDigest" TEXT,
    "expiresAt" TIMESTAMPTZ(3),
    "consumedAt" TIMESTAMPTZ(3),

    CONSTRAINT "OidcArtifact_pkey" PRIMARY KEY ("kind","idDigest")
);

-- CreateTable
CREATE TABLE "AgentConsent" (
    "userId" TEXT NOT NULL,
    "clientId" TEXT NOT NULL,
    "metadataDigest" TEXT NOT NULL,
    "grantedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "AgentConsent_pkey" PRIMARY KEY ("userId","clientId")
);

-- CreateTable
CREATE TABLE "AgentSession" (
    "sid" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "clientId" TEXT NOT NULL,
    "agentName" TEXT NOT NULL,
    "assurance" TEXT NOT NULL,
    "grantDigest" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "endedAt" TIMESTAMPTZ(3),

    CONSTRAINT "AgentSession_pkey" PRIMARY KEY ("sid")
);

-- CreateTable
CREATE TABLE "SigningKey" (
    "kid" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "algorithm" TEXT NOT NULL,
    "publicJwk" JSONB NOT NULL,
    "sealedPrivate" BYTEA NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "SigningKey_pkey" PRIMARY KEY ("kid")
);

-- CreateTable
CREATE TABLE "ConfigurationDocument" (
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "spec" JSONB NOT NULL,
    "revision" INTEGER NOT NULL,

    CONSTRAINT "ConfigurationDocument_pkey" PRIMARY KEY ("kind","name")
);

-- CreateTable
CREATE TABLE "ConfigurationRevision" (
    "revision" INTEGER NOT NULL,
    "epoch" TEXT NOT NULL,
    "jws" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "publishedAt" TIMESTAMPTZ(3),

    CONSTRAINT "ConfigurationRevision_pkey" PRIMARY KEY ("revision")
);

-- CreateTable
CREATE TABLE "StoredSecret" (
    "name" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "StoredSecret_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "Revocation" (
    "id" TEXT NOT NULL,
    "subjectType" TEXT NOT NULL,
    "subject" JSONB NOT NULL,
    "notBefore" INTEGER NOT NULL,
    "expiresAt" INTEGER,
    "reason" TEXT,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Revocation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Connection" (
    "id" TEXT NOT NULL,
    "userId" TEXT,
    "server" TEXT NOT NULL,
    "credentialProvider" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "issuer" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "tokenEndpoint" TEXT NOT NULL,
    "revocationEndpoint" TEXT,
    "targetOrigin" TEXT NOT NULL,
    "clientId" TEXT NOT NULL,
    "scopes" TEXT[],
    "sealedCredential" BYTEA NOT NULL,
    "accessExpiresAt" TIMESTAMPTZ(3),
    "refreshDueAt" TIMESTAMPTZ(3),
    "refreshLockOwner" TEXT,
    "refreshLockUntil" TIMESTAMPTZ(3),
    "refreshFailures" INTEGER NOT NULL DEFAULT 0,
    "lastUsedAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "Connection_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ConnectionConsent" (
    "userId" TEXT NOT NULL,
    "clientId" TEXT NOT NULL,
    "server" TEXT NOT NULL,
    "grantedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ConnectionConsent_pkey" PRIMARY KEY ("userId","clientId","server")
);

-- CreateTable
CREATE TABLE "DownstreamRegistration" (
    "issuer" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "DownstreamRegistration_pkey" PRIMARY KEY ("issuer")
);

-- CreateTable
CREATE TABLE "ConnectFlow" (
    "stateDigest" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ConnectFlow_pkey" PRIMARY KEY ("stateDigest")
);

-- CreateTable
CREATE TABLE "BrowserSession" (
    "idDigest" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "BrowserSession_pkey" PRIMARY KEY ("idDigest")
);

-- CreateTable
CREATE TABLE "Event" (
    "sequence" BIGSERIAL NOT NULL,
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "userId" TEXT,
    "clientId" TEXT,
    "sid" TEXT,
    "server" TEXT,
    "body" JSONB NOT NULL,

    CONSTRAINT "Event_pkey" PRIMARY KEY ("sequence")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_trustProvider_subject_key" ON "User"("trustProvider", "subject");

-- CreateIndex
CREATE INDEX "OidcArtifact_grantDigest_idx" ON "OidcArtifact"("grantDigest");

-- CreateIndex
CREATE INDEX "OidcArtifact_kind_uidDigest_idx" ON "OidcArtifact"("kind", "uidDigest");

-- CreateIndex
CREATE INDEX "OidcArtifact_expiresAt_idx" ON "OidcArtifact"("expiresAt");

-- CreateIndex
CREATE INDEX "AgentSession_userId_clientId_idx" ON "AgentSession"("userId", "clientId");

-- CreateIndex
CREATE INDEX "AgentSession_grantDigest_idx" ON "AgentSession"("grantDigest");

-- CreateIndex
CREATE INDEX "SigningKey_purpose_createdAt_idx" ON "SigningKey"("purpose", "createdAt");

-- CreateIndex
CREATE INDEX "Revocation_subjectType_idx" ON "Revocation"("subjectType");

-- CreateIndex
CREATE INDEX "Connection_state_refreshDueAt_idx" ON "Connection"("state", "refreshDueAt");

-- CreateIndex
CREATE UNIQUE INDEX "Connection_userId_server_key" ON "Connection"("userId", "server");

-- CreateIndex
CREATE INDEX "ConnectFlow_expiresAt_idx" ON "ConnectFlow"("expiresAt");

-- CreateIndex
CREATE INDEX "BrowserSession_expiresAt_idx" ON "BrowserSession"("expiresAt");

-- CreateIndex
CREATE UNIQUE INDEX "Event_id_key" ON "Event"("id");

-- CreateIndex
CREATE INDEX "Event_type_sequence_idx" ON "Event"("type", "sequence");

-- CreateIndex
CREATE INDEX "Event_userId_sequence_idx" ON "Event"("userId", "sequence");


