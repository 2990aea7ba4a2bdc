import {
  Body,
  ConflictException,
  Controller,
  Get,
  HttpCode,
  HttpStatus,
  Inject,
  NotFoundException,
  Post,
  Res,
} from '@nestjs/common';
import { removeVaultKey, rotateVaultKey, rotationStatus, type RotationContext } from '@sallyport/vault';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { text } from '../admin/text.js';
import type { LifecycleRecorder } from '../events/record-lifecycle.js';

export const VAULT_CONTEXT = Symbol('vault context');
export type VaultContext = RotationContext & { readonly lifecycle: LifecycleRecorder };

const RotationRequest = z.strictObject({ reason: text(500).optional() });
const RemovalRequest = z.strictObject({ keyId: z.string().regex(/^[0-9a-f]{16}$/), reason: text(500).optional() });

@Controller('v1/vault')
export class VaultController {
  readonly #context: VaultContext;

  constructor(@Inject(VAULT_CONTEXT) context: VaultContext) {
    this.#context = context;
  }

  /** The keys, what each sealed, and how much is left to seal with the current one. */
  @Get('rotation')
  status() {
    return rotationStatus(this.#context);
  }

  /** `{ reason? }` → 201 when a new key was made, which seals in a moment; 200 when one is on its way already. */
  @Post('rotation')
  @HttpCode(HttpStatus.CREATED)
  async rotate(@Body() body: unknown, @Res({ passthrough: true }) reply: FastifyReply) {
    const { reason } = RotationRequest.parse(body ?? {});
    const { created } = await rotateVaultKey(this.#context);
    if (created === undefined) void reply.status(HttpStatus.OK);
    const status = await rotationStatus(this.#context);
    if (created !== undefined)
      await this.#context.lifecycle({
        type: 'vault_key.created',
        ...(reason !== undefined && { reason }),
        detail: { keyId: created, records: status.total },
      });
    return status;
  }

  /** `{ keyId, reason? }` → 200 with what is left; 409 while anything refers to it. */
  @Post('removals')
  @HttpCode(HttpStatus.OK)
  async remove(@Body() body: unknown) {
    const { keyId, reason } = RemovalRequest.parse(body);
    const result = await removeVaultKey(keyId, this.#context);
    if (result.outcome === 'unknown_key')
      throw new NotFoundException('There is no such vault key; keys of a key file are taken out of the file.');
    if (result.outcome === 'in_use')
      throw new ConflictException('The vault key is in use, or was until less than an hour ago.');
    await this.#context.lifecycle({
      type: 'vault_key.removed',
      ...(reason !== undefined && { reason }),
      detail: { keyId },
    });
    return rotationStatus(this.#context);
  }
}
