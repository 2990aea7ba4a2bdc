import { createHash, randomBytes } from 'node:crypto';
import { BadRequestException, Body, Controller, Get, Inject, Param, Post, Res } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { changedSince, type Shown } from '@sallyport/authorization';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredTarget, type ConfiguredTarget } from '@sallyport/connection';
import { quotedName, type Clock } from '@sallyport/kernel';
import { sendPage, type Page } from '@sallyport/pages';
import { serverTitle } from '@sallyport/server';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Open } from '../../admin/access.js';
import { Serve } from '../../admin/serve.js';
import { cookieNames, writeCookie } from '../../pages/cookies.js';
import { CONTROL_PLANE_URL } from '../../browser-session/session.controller.js';
import { CHANGED, formFields, readForm } from '../../browser-session/signed-form.js';
import type { ReportConnectFailure } from './report-connect-failure.js';
import { connectSharedPage, continuePage, failedPage, ticketPages } from './connect-pages.js';
import { targetShown } from './connect-shown.js';
import type { SharedInvitations } from './shared-invitations.js';
import { startConnecting, type StartContext } from './start-connecting.js';

export const CONNECT_SHARED = Symbol('connect shared');
export interface ConnectSharedContext extends StartContext {
  readonly snapshot: () => ConfigurationSnapshot;
  readonly invitations: SharedInvitations;
  /** The administrator's way to them. */
  readonly inviting: Pick<SharedInvitations, 'invite'>;
  readonly reportFailure: ReportConnectFailure;
  readonly clock: Clock;
}

const Form = z.object({ csrf: z.string(), shown: z.string() });
const WithTheLink = Open("a page: whoever has an administrator's link follows it, once");
const COOKIE_SECONDS = 600;
const ACTION = '/connect/shared';

/**
 * The pages that connect the account of a server that everybody shares (R41). An administrator makes the link; one
 * browser follows it, once.
 */
@Controller()
export class ConnectSharedController {
  constructor(
    @Inject(CONNECT_SHARED) private readonly context: ConnectSharedContext,
    @Inject(CONTROL_PLANE_URL) private readonly controlPlaneUrl: string,
  ) {}

  @Serve(routes.inviteToSharedConnection)
  async invite({
    body: { credentialProvider },
  }: Asked<'inviteToSharedConnection'>): Promise<Answered<'inviteToSharedConnection'>> {
    const { snapshot, inviting } = this.context;
    const provider = snapshot().get('CredentialProvider', credentialProvider);
    if (provider?.spec.type !== 'oauth-shared')
      throw new BadRequestException('There is no CredentialProvider of this name whose type is oauth-shared.');
    const { token, expiresAt } = await inviting.invite({ server: provider.spec.server, credentialProvider });
    return {
      credentialProvider,
      server: provider.spec.server,
      url: `${this.controlPlaneUrl}/connect/shared/${token}`,
      expiresAt: new Date(expiresAt).toISOString(),
    };
  }

  @Get('connect/shared/:token')
  @WithTheLink
  async show(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    const invitation = await this.context.invitations.find(token);
    const target = invitation && this.#target(invitation);
    sendPage(reply, target ? this.#page(token, target) : ticketPages.expired);
  }

  /** The token in the address is known to nobody but who holds the link: it signs the form. */
  @Post('connect/shared/:token')
  @WithTheLink
  async start(@Param('token') token: string, @Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    const found = await this.context.invitations.find(token);
    const shownTarget = found && this.#target(found);
    if (!shownTarget) return sendPage(reply, ticketPages.expired);
    const form = Form.safeParse(body);
    const shown = form.success ? readForm(token, ACTION, form.data) : undefined;
    if (shown === undefined) return sendPage(reply, ticketPages.staleForm);
    if (changedSince(shown, sharedShown(shownTarget)).length > 0)
      return sendPage(reply, this.#page(token, shownTarget, CHANGED));
    const invitation = await this.context.invitations.take(token);
    const target = invitation && this.#target(invitation);
    if (!invitation || !target) return sendPage(reply, ticketPages.expired);
    const browser = randomBytes(32).toString('base64url');
    const { shared, secure } = cookieNames(this.controlPlaneUrl);
    void reply.header('set-cookie', writeCookie(shared, browser, { maxAgeSeconds: COOKIE_SECONDS, secure }));
    const title = quotedName(serverTitle(target.server));
    const result = await startConnecting(
      {
        userId: null,
        agent: null,
        server: invitation.server,
        credentialProvider: invitation.credentialProvider,
        replaces: null,
        issuedAt: this.context.clock(),
      },
      sharedBrowser(browser),
      target,
      this.context,
    );
    if (result.type === 'continue') return sendPage(reply, continuePage(title, result.url));
    await this.context.reportFailure(
      { server: invitation.server, credentialProvider: invitation.credentialProvider },
      result,
    );
    sendPage(reply, failedPage(title, result));
  }

  #page(token: string, target: ConfiguredTarget, notice?: string): Page {
    return connectSharedPage(target, {
      path: `/connect/shared/${encodeURIComponent(token)}`,
      fields: formFields(token, ACTION, sharedShown(target)),
      notice,
    });
  }

  #target(names: { server: string; credentialProvider: string }): ConfiguredTarget | undefined {
    const target = configuredTarget(this.context.snapshot(), names);
    return target?.provider.spec.type === 'oauth-shared' ? target : undefined;
  }
}

function sharedShown(target: ConfiguredTarget): Shown {
  const { spec } = target.provider;
  return { ...targetShown(target), scopes: 'scopes' in spec ? (spec.scopes ?? []) : [] };
}

/** The browser that followed an administrator's link, as its cookie says: nobody is signed in with it. */
export function sharedBrowser(cookie: string): { readonly idDigest: string; readonly userId: null } {
  return { idDigest: createHash('sha256').update(`shared ${cookie}`).digest('base64url'), userId: null };
}
