-- The same rows under the word that everything else has for them.
ALTER TABLE "ProviderStanding" RENAME TO "ProviderHealth";
ALTER TABLE "ProviderHealth" RENAME CONSTRAINT "ProviderStanding_pkey" TO "ProviderHealth_pkey";
ALTER TABLE "ConnectStanding" RENAME TO "ConnectHealth";
ALTER TABLE "ConnectHealth" RENAME CONSTRAINT "ConnectStanding_pkey" TO "ConnectHealth_pkey";
