import { whileDue } from '@sallyport/process';
import { EVENT_RETENTION_MS } from '../config.js';
import type { AuditContext } from '../trail/chain/audit.controller.js';
import { AuditKeys } from '../trail/chain/audit-keys.js';
import { CheckpointMaker } from '../trail/chain/checkpoint-maker.js';
import type { Foundation } from './foundation.js';
import type { ConfigurationParts } from './open-configuration.js';

const LOOK_MS = 1_000;

/** Makes checkpoints of the trail. @returns what reads and verifies them */
export function sealTrail(
  { config, clock, scope, databases, vault, logger }: Foundation,
  { events, lifecycle }: ConfigurationParts,
): AuditContext {
  const { trail: database, chain: statements } = databases;
  const name = `${new URL(config.publicUrl).host}/audit`;
  const keys = new AuditKeys({ database, sealer: vault.sealer, name, record: lifecycle });
  const maker = new CheckpointMaker({
    statements,
    keys,
    events,
    replica: config.replica,
    clock,
    retentionMs: config.eventRetentionMs ?? EVENT_RETENTION_MS,
    logger,
  });
  scope.every(
    LOOK_MS,
    whileDue(() => maker.makeDue()),
    'checkpoints of the trail could not be made',
  );
  return { database, statements, keys };
}
