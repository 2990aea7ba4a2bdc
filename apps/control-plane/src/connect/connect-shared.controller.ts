import { createHash, randomBytes } from 'node:crypto';
import { BadRequestException, Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredTarget, type ConfiguredTarget } from '@sallyport/credential';
import type { Clock } from '@sallyport/kernel';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { text } from '../admin/text.js';
import { cookieNames, writeCookie } from '../pages/cookies.js';
import { sendPage } from '../pages/page.js';
import { CONTROL_PLANE_URL } from '../session/session.controller.js';
import { connectSharedPage, continuePage, failedPage, ticketPages } from './connect-pages.js';
import type { SharedInvitations } from './shared-invitations.js';
import { startConnecting, type StartContext } from './start-connecting.js';

export const CONNECT_SHARED = Symbol('connect shared');
export interface ConnectSharedContext extends StartContext {
  readonly snapshot: () => ConfigurationSnapshot;
  readonly invitations: SharedInvitations;
  readonly clock: Clock;
}

const Wish = z.strictObject({ credentialProvider: text(64) });
const COOKIE_SECONDS = 600;

/** The account of a server that everybody shares (R41). Who holds the administrator's token makes the link; one browser follows it, once. */
@Controller()
export class ConnectSharedController {
  constructor(@Inject(CONNECT_SHARED) private readonly context: ConnectSharedContext, @Inject(CONTROL_PLANE_URL) private readonly controlPlaneUrl: string) {}

  /** `{ credentialProvider }` → 201 `{ url, expiresAt }`. */
  @Post('v1/shared-connections')
  @HttpCode(201)
  async invite(@Body() body: unknown) {
    const { credentialProvider } = Wish.parse(body);
    const { snapshot, invitations } = this.context;
    const provider = snapshot().get('CredentialProvider', credentialProvider);
    if (provider?.spec.type !== 'oauth-shared') throw new BadRequestException('There is no CredentialProvider of this name whose type is oauth-shared.');
    const { token, expiresAt } = await invitations.invite({ server: provider.spec.server, credentialProvider });
    return { credentialProvider, server: provider.spec.server, url: `${this.controlPlaneUrl}/connect/shared/${token}`, expiresAt: new Date(expiresAt).toISOString() };
  }

  @Get('connect/shared/:token')
  async show(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    const invitation = await this.context.invitations.find(token);
    const target = invitation && this.#target(invitation);
    sendPage(reply, target ? connectSharedPage(target, `/connect/shared/${encodeURIComponent(token)}`) : ticketPages.expired);
  }

  /** The token in the address is known to nobody but who holds the link: it is what a form's own token would be. */
  @Post('connect/shared/:token')
  async start(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    const invitation = await this.context.invitations.take(token);
    const target = invitation && this.#target(invitation);
    if (!invitation || !target) return sendPage(reply, ticketPages.expired);
    const browser = randomBytes(32).toString('base64url');
    const { shared, secure } = cookieNames(this.controlPlaneUrl);
    void reply.header('set-cookie', writeCookie(shared, browser, { maxAgeSeconds: COOKIE_SECONDS, secure }));
    const title = target.server.spec.title ?? target.server.name;
    const result = await startConnecting({ userId: null, agent: null, server: invitation.server, credentialProvider: invitation.credentialProvider, replaces: null, issuedAt: this.context.clock() }, sharedBrowser(browser), target, this.context);
    sendPage(reply, result.type === 'continue' ? continuePage(title, result.url) : failedPage(title, result.isTemporary));
  }

  #target(names: { server: string; credentialProvider: string }): ConfiguredTarget | undefined {
    const target = configuredTarget(this.context.snapshot(), names);
    return target?.provider.spec.type === 'oauth-shared' ? target : undefined;
  }
}

/** The browser that followed an administrator's link, as its cookie says: nobody is signed in with it. */
export function sharedBrowser(cookie: string): { readonly idDigest: string; readonly userId: null } {
  return { idDigest: createHash('sha256').update(`shared ${cookie}`).digest('base64url'), userId: null };
}
