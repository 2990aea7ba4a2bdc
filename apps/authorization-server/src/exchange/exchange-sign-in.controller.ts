import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { MemorySeenNonces, openExchangeRequest, sealExchangeAnswer } from '@sallyport/credential';
import type { ConfigurationReplica } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { subjects, type SignInExchangeReply } from '@sallyport/messages';
import type { JWK } from 'jose';
import { CLOCK, COMMAND_KEY, CONFIGURATION, SEALER, SIGN_IN_EXCHANGES } from '../tokens.js';
import type { SignInExchanges } from './sign-in-exchanges.js';

/** What only the control plane can ask (S26), and only it can read the answer to (S21). */
@Controller()
export class ExchangeSignInController {
  readonly #seenNonces = new MemorySeenNonces();

  constructor(
    @Inject(SIGN_IN_EXCHANGES) private readonly exchanges: SignInExchanges,
    @Inject(CONFIGURATION) private readonly configuration: ConfigurationReplica,
    @Inject(COMMAND_KEY) private readonly key: JWK,
    @Inject(SEALER) private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @MessagePattern(subjects.exchangeSignIn)
  async exchange(@Payload() payload: unknown): Promise<SignInExchangeReply> {
    const request = await openExchangeRequest(payload, {
      controlPlaneKey: this.key,
      seenNonces: this.#seenNonces,
      clock: this.clock,
    });
    const { ready, stale } = this.configuration.state();
    if (!request || !ready || stale) return {};
    return sealExchangeAnswer(await this.exchanges.exchange(request), request, (purpose, plaintext, binding) =>
      this.sealer.seal(purpose, plaintext, binding),
    );
  }
}
