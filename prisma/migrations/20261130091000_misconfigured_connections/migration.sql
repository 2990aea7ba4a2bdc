-- The state says what is wrong: our configuration of the provider, not the provider.
UPDATE "Connection" SET "state" = 'misconfigured' WHERE "state" = 'provider_fault';
