import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { SignInRefusal } from '@sallyport/authorization';
import { ConfigurationReplica } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Answer } from '../interaction/authorization-steps.js';
import { sendAnswer } from '../interaction/send-answer.js';
import { LifecycleRecorder } from '../lifecycle/record-lifecycle.js';
import { messagePage } from '../pages/message-pages.js';
import { BROWSER_BINDING, CONFIGURATION, ISSUER, LOGGER, RECORDER, SIGN_IN } from '../tokens.js';
import { BrowserBinding } from './browser-binding.js';
import { SignIn } from './sign-in.js';

const REFUSALS: Readonly<Record<SignInRefusal, string>> = {
  provider_invalid: 'This identity provider is not set up correctly. Tell the administrator of this gateway.',
  subject_missing: 'Your identity provider did not say who you are.',
  tenant_not_allowed: 'Accounts of your organisation may not sign in here.',
  acr_not_met:
    'Your identity provider did not authenticate you strongly enough. Sign in again with the second factor your organisation asks for.',
  amr_not_met:
    'Your identity provider did not authenticate you strongly enough. Sign in again with the second factor your organisation asks for.',
  auth_time_missing:
    'Your identity provider did not say when you signed in, which this gateway needs. Tell its administrator.',
  auth_too_old: 'Your sign-in at your identity provider is too long ago. Sign out there, then try again.',
  groups_incomplete:
    'You are in more groups than your identity provider lists. Tell the administrator of this gateway, who can have it list fewer.',
  email_missing: 'Your identity provider did not share an e-mail address, which this gateway needs.',
  email_unverified: 'Your identity provider has not verified your e-mail address.',
  email_domain_not_allowed: 'Accounts of your e-mail domain may not sign in here.',
};

/** Where identity providers send browsers back to. */
@Controller('federation')
export class FederationController {
  constructor(
    @Inject(CONFIGURATION) private readonly configuration: ConfigurationReplica,
    @Inject(SIGN_IN) private readonly signIn: SignIn,
    @Inject(BROWSER_BINDING) private readonly binding: BrowserBinding,
    @Inject(RECORDER) private readonly recorder: LifecycleRecorder,
    @Inject(ISSUER) private readonly issuer: string,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get(':provider/callback')
  async callback(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('provider') name: string,
  ): Promise<void> {
    sendAnswer(
      reply,
      await this.#finish(
        name,
        new URL(request.raw.url ?? '', this.issuer),
        this.binding.browserOf(request.headers.cookie),
      ),
    );
  }

  async #finish(name: string, callback: URL, browser: string | undefined): Promise<Answer> {
    const stop = (status: number, message: string, retry?: string): Answer => ({
      type: 'page',
      status,
      page: messagePage(
        'You are not signed in',
        message,
        retry === undefined ? {} : { link: { to: `/interaction/${retry}`, text: 'Sign in another way' } },
      ),
    });
    const provider = this.configuration.snapshot().get('TrustProvider', name);
    if (!provider) return stop(404, 'This identity provider is not known here.');
    try {
      const outcome = await this.signIn.finish(provider, callback, browser);
      switch (outcome.outcome) {
        case 'signed-in':
          this.recorder.record({ type: 'user.signed_in', userId: outcome.user.id, trustProvider: name });
          return { type: 'redirect', to: `/interaction/${outcome.interaction}/signed-in` };
        case 'refused':
          this.recorder.record({ type: 'user.sign_in_failed', trustProvider: name, reason: outcome.reason });
          return stop(403, REFUSALS[outcome.reason], outcome.interaction);
        case 'not-ours':
          this.recorder.record({ type: 'user.sign_in_failed', trustProvider: name, reason: 'state_unknown' });
          return stop(
            400,
            'This sign-in was started in another browser, is too old, or was used already. Go back to your agent and connect again.',
          );
      }
    } catch (error) {
      if (!(error instanceof SallyportError) || !error.code.startsWith('trust_provider_')) throw error;
      this.logger.warn({ err: error, trustProvider: name }, 'a sign-in failed');
      this.recorder.record({ type: 'user.sign_in_failed', trustProvider: name, reason: error.code });
      return stop(error.code === 'trust_provider_refused' ? 400 : 502, error.message);
    }
  }
}
