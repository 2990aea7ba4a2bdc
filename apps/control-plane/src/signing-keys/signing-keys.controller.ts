import { Controller, HttpStatus, Inject, NotFoundException, Res, ServiceUnavailableException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { FastifyReply } from 'fastify';
import { Serve } from '../admin/serve.js';
import { rotateSigningKeys, type RotationContext } from './rotate-signing-keys.js';
import type { ListedSigningKey } from './signing-key-list.js';
import { withdrawSigningKey, type WithdrawalContext } from './withdraw-signing-key.js';

export const SIGNING_KEYS_CONTEXT = Symbol('signing keys context');
export type SigningKeysContext = RotationContext & WithdrawalContext;

/** Lists, rotates and withdraws the authorization server's signing keys (B7, S5). */
@Controller()
export class SigningKeysController {
  constructor(@Inject(SIGNING_KEYS_CONTEXT) private readonly context: SigningKeysContext) {}

  @Serve(routes.listSigningKeys)
  async list(): Promise<Answered<'listSigningKeys'>> {
    return { keys: (await this.context.list.read()).map(shown) };
  }

  /** 201 once the successors are published, 200 when there was nothing to make. */
  @Serve(routes.rotateSigningKeys)
  async rotate(
    { body }: Asked<'rotateSigningKeys'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'rotateSigningKeys'>> {
    const result = await rotateSigningKeys(body, this.context);
    if (result.type === 'unavailable')
      throw new ServiceUnavailableException(`The authorization server cannot rotate its keys now (${result.reason}).`);
    if (result.created.length === 0) void reply.status(HttpStatus.OK);
    return { keys: result.keys.map(shown) };
  }

  /** 201 once the withdrawal is on the bus, 200 when the key was withdrawn before. */
  @Serve(routes.withdrawSigningKey)
  async withdraw(
    { body }: Asked<'withdrawSigningKey'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'withdrawSigningKey'>> {
    const result = await withdrawSigningKey(body, this.context);
    switch (result.type) {
      case 'withdrawn':
        if (result.isRepeated) void reply.status(HttpStatus.OK);
        return shown(result.key);
      case 'unknown_key':
        throw new NotFoundException('There is no such signing key.');
      case 'not_published':
        throw new ServiceUnavailableException(
          'The withdrawal is recorded and will be in force as soon as the bus is reachable.',
        );
    }
  }
}

const shown = ({ createdAt, signsFrom, withdrawnAt, ...key }: ListedSigningKey) => ({
  ...key,
  createdAt: createdAt.toISOString(),
  signsFrom: signsFrom.toISOString(),
  withdrawnAt: withdrawnAt?.toISOString() ?? null,
});
