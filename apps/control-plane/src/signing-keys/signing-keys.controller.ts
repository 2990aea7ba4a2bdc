import {
  Body,
  Controller,
  Get,
  HttpCode,
  HttpStatus,
  Inject,
  NotFoundException,
  Post,
  Res,
  ServiceUnavailableException,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { rotateSigningKeys, type RotationContext } from './rotate-signing-keys.js';
import { withdrawSigningKey, type WithdrawalContext } from './withdraw-signing-key.js';

export const SIGNING_KEYS_CONTEXT = Symbol('signing keys context');
export type SigningKeysContext = RotationContext & WithdrawalContext;

@Controller('v1/signing-keys')
export class SigningKeysController {
  readonly #context: SigningKeysContext;

  constructor(@Inject(SIGNING_KEYS_CONTEXT) context: SigningKeysContext) {
    this.#context = context;
  }

  /** Every key there was: purpose, algorithm, state (next, active, retiring, withdrawn) and its moments. */
  @Get()
  async list() {
    return { keys: await this.#context.list.read() };
  }

  /** `{ purposes?, olderThan?, reason? }` → 201 once the successors are published, 200 when there was nothing to make. */
  @Post('rotations')
  async rotate(@Body() body: unknown, @Res({ passthrough: true }) reply: FastifyReply) {
    const result = await rotateSigningKeys(body ?? {}, this.#context);
    if (result.outcome === 'unavailable')
      throw new ServiceUnavailableException(`The authorization server cannot rotate its keys now (${result.reason}).`);
    void reply.status(result.created.length > 0 ? HttpStatus.CREATED : HttpStatus.OK);
    return { keys: result.keys };
  }

  /** `{ kid, reason? }` → 201 once it is on the bus, 200 when it was withdrawn before. */
  @Post('withdrawals')
  @HttpCode(HttpStatus.CREATED)
  async withdraw(@Body() body: unknown, @Res({ passthrough: true }) reply: FastifyReply) {
    const result = await withdrawSigningKey(body, this.#context);
    switch (result.outcome) {
      case 'withdrawn':
        if (result.isRepeated) void reply.status(HttpStatus.OK);
        return result.key;
      case 'unknown_key':
        throw new NotFoundException('There is no such signing key.');
      case 'not_published':
        throw new ServiceUnavailableException(
          'The withdrawal is recorded and will be in force as soon as the bus is reachable.',
        );
    }
  }
}
