import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { ConfigurationReplica } from '@sallyport/configuration';
import type { Logger } from '@sallyport/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { show, type NextStep } from '../interaction/next-step.js';
import { sendNextStep } from '../interaction/send-next-step.js';
import { BusTrail } from '@sallyport/trail';
import { messagePage } from '../pages/message-pages.js';
import { BROWSER_BINDING, CONFIGURATION, ISSUER, LOGGER, RECORDER, SIGN_IN } from '../tokens.js';
import { BrowserBinding } from './browser-binding.js';
import { signInRefusalWords } from './refusal-words.js';
import { SignIn } from './sign-in.js';

/** Where identity providers send browsers back to. */
@Controller('federation')
export class FederationController {
  constructor(
    @Inject(CONFIGURATION) private readonly configuration: ConfigurationReplica,
    @Inject(SIGN_IN) private readonly signIn: SignIn,
    @Inject(BROWSER_BINDING) private readonly binding: BrowserBinding,
    @Inject(RECORDER) private readonly recorder: BusTrail,
    @Inject(ISSUER) private readonly issuer: string,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get(':provider/callback')
  async callback(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('provider') name: string,
  ): Promise<void> {
    sendNextStep(
      reply,
      await this.#finish(name, {
        callback: new URL(request.raw.url ?? '', this.issuer),
        browser: this.binding.idsOf(request.headers.cookie),
        address: request.ip,
      }),
    );
  }

  async #finish(
    name: string,
    { callback, browser, address }: { callback: URL; browser: readonly string[]; address: string },
  ): Promise<NextStep> {
    const about = { address, trustProvider: name };
    const stop = (
      status: number,
      message: string,
      retry?: { readonly interaction: string; readonly text: string },
    ): NextStep =>
      show(
        messagePage('You are not signed in', message, {
          link: retry && { to: `/interaction/${retry.interaction}`, text: retry.text },
        }),
        status,
      );
    const provider = this.configuration.snapshot().get('TrustProvider', name);
    if (!provider) return stop(404, 'This identity provider is not known here.');
    const result = await this.signIn.finish(provider, callback, browser);
    switch (result.type) {
      case 'signed-in':
        this.recorder.record({ type: 'user.signed_in', ...about, userId: result.user.id });
        return { type: 'redirect', to: `/interaction/${result.interaction}/signed-in` };
      case 'refused':
        this.recorder.record({ type: 'user.sign_in_failed', ...about, reason: result.reason });
        return stop(403, signInRefusalWords[result.reason], {
          interaction: result.interaction,
          text: 'Sign in another way',
        });
      case 'failed': {
        const { error, interaction } = result;
        this.logger.warn({ err: error, trustProvider: name }, 'a sign-in failed');
        this.recorder.record({
          type: 'user.sign_in_failed',
          ...about,
          reason: error.code,
          detail: { cause: error.message },
        });
        if (error.code === 'trust_provider_refused')
          return stop(400, error.message, { interaction, text: 'Sign in again' });
        return stop(
          502,
          `${error.message} Try again in a minute; if it stays so, tell the administrator of this gateway.`,
          { interaction, text: 'Try again' },
        );
      }
      case 'not-ours':
        this.recorder.record({ type: 'user.sign_in_failed', ...about, reason: 'state_unknown' });
        return stop(
          400,
          'This sign-in was started in another browser, is too old, or was used already. ' +
            'Go back to your agent and connect again.',
        );
    }
  }
}
