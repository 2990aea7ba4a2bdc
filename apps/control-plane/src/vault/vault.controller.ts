import { ConflictException, Controller, HttpStatus, Inject, NotFoundException, Res } from '@nestjs/common';
import { routes, type Answered, type Asked, type VaultRotation } from '@sallyport/admin-api';
import { removeVaultKey, rotateVaultKey, rotationStatus, type RotationContext } from '@sallyport/vault';
import type { FastifyReply } from 'fastify';
import { Serve } from '../admin/serve.js';
import type { RecordEvent } from '@sallyport/trail';

export const VAULT_CONTEXT = Symbol('vault context');
export type VaultContext = RotationContext & { readonly lifecycle: RecordEvent };

/** Rotates and removes the keys that seal records at rest. */
@Controller()
export class VaultController {
  constructor(@Inject(VAULT_CONTEXT) private readonly context: VaultContext) {}

  @Serve(routes.readVaultRotation)
  status(): Promise<Answered<'readVaultRotation'>> {
    return this.#status();
  }

  /** 201 when a new key was made, which seals in a moment; 200 when one is on its way already. */
  @Serve(routes.rotateVaultKey)
  async rotate(
    { body: { reason } }: Asked<'rotateVaultKey'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'rotateVaultKey'>> {
    const { created } = await rotateVaultKey(this.context);
    if (created === undefined) void reply.status(HttpStatus.OK);
    const status = await this.#status();
    if (created !== undefined)
      await this.context.lifecycle({
        type: 'vault_key.created',
        ...(reason !== undefined && { reason }),
        detail: { keyId: created, records: status.total },
      });
    return status;
  }

  @Serve(routes.removeVaultKey)
  async remove({ body: { keyId, reason } }: Asked<'removeVaultKey'>): Promise<Answered<'removeVaultKey'>> {
    const result = await removeVaultKey(keyId, this.context);
    if (result.outcome === 'unknown_key')
      throw new NotFoundException('There is no such vault key; keys of a key file are taken out of the file.');
    if (result.outcome === 'in_use')
      throw new ConflictException('The vault key is in use, or was until less than an hour ago.');
    await this.context.lifecycle({
      type: 'vault_key.removed',
      ...(reason !== undefined && { reason }),
      detail: { keyId },
    });
    return this.#status();
  }

  async #status(): Promise<VaultRotation> {
    const { keys, ...status } = await rotationStatus(this.context);
    return {
      ...status,
      keys: keys.map(({ createdAt, sealsFrom, ...key }) => ({
        ...key,
        createdAt: createdAt?.toISOString() ?? null,
        sealsFrom: sealsFrom?.toISOString() ?? null,
      })),
    };
  }
}
