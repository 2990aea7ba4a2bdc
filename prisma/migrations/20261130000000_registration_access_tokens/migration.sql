-- One was made with each registration, for a management (RFC 7592) that is not offered, and stayed for good.
DELETE FROM "OidcArtifact" WHERE "kind" = 'RegistrationAccessToken';
