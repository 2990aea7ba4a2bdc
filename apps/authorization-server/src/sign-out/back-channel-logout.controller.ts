import { Body, Controller, Header, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import type { ConfigurationReplica } from '@sallyport/configuration';
import type { Logger } from '@sallyport/telemetry';
import type { FastifyReply } from 'fastify';
import { BACK_CHANNEL_LOGOUT, CONFIGURATION, LOGGER } from '../tokens.js';
import type { BackChannelLogout } from './back-channel-logout.js';

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.5: what to register at a provider is
 * `<issuer>/federation/<name>/backchannel-logout`.
 */
@Controller('federation')
export class BackChannelLogoutController {
  constructor(
    @Inject(CONFIGURATION) private readonly configuration: ConfigurationReplica,
    @Inject(BACK_CHANNEL_LOGOUT) private readonly logout: BackChannelLogout,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Post(':provider/backchannel-logout')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async receive(@Param('provider') name: string, @Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    const provider = this.configuration.snapshot().get('TrustProvider', name);
    const token = typeof body === 'object' && body !== null ? Reflect.get(body, 'logout_token') : undefined;
    try {
      const valid = provider !== undefined && (await this.logout.receive(provider, token));
      await (valid ? reply.status(200).send() : reply.status(400).send({ error: 'invalid_request' }));
    } catch (err) {
      this.logger.error({ err, trustProvider: name }, 'a logout token could not be looked at');
      await reply.status(503).header('retry-after', '5').send({ error: 'temporarily_unavailable' });
    }
  }
}
