import { Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { changedSince } from '@sallyport/authorization';
import { html, sendPage, type Page } from '@sallyport/pages';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ForBrowsers } from '../admin/access.js';
import { ConnectFlow } from '../credentials/connect/connect-flow.js';
import { disconnect, type DisconnectContext } from '../credentials/connections/disconnect.js';
import { cookieNames, readCookie, type CookieNames } from '../pages/cookies.js';
import { Revoker } from '../revocation/revoke.js';
import { BrowserSessions, type BrowserSession } from '../browser-session/browser-sessions.js';
import { sendToSignIn } from '../browser-session/send-to-sign-in.js';
import { CONTROL_PLANE_URL } from '../browser-session/session.controller.js';
import { SignIn } from '../browser-session/sign-in.js';
import { readForm } from '../browser-session/signed-form.js';
import { accountPage, notices, type Notice } from './account-page.js';
import { accountShown } from './account-shown.js';
import { readAccount, type AccountContext } from './read-account.js';

export const ACCOUNT_CONTEXT = Symbol('account context');
/** What users disconnect themselves. */
export const DISCONNECT_CONTEXT = Symbol('users disconnect');
const Name = z.string().min(1).max(64);
const Signed = z.object({ csrf: z.string(), shown: z.string() });
const ConnectForm = Signed.extend({ server: Name });
const DisconnectForm = Signed.extend({ connection: Name });
const EndSessionForm = Signed.extend({ session: Name });
const Shown = z.object({
  done: z
    .enum(Object.keys(notices) as [Notice, ...Notice[]])
    .optional()
    .catch(undefined),
});

const staleForm: Page = {
  status: 403,
  title: 'This form is not yours',
  body: html`<p>Nothing was changed. <a href="/account">Open your accounts again</a>.</p>`,
};

/**
 * A user's own connections and agents (security rule S23): GET changes nothing, and what a form of this browser's
 * session names has to be that user's.
 */
@Controller('account')
export class AccountController {
  readonly #cookies: CookieNames;

  constructor(
    @Inject(ACCOUNT_CONTEXT) private readonly account: AccountContext,
    @Inject(DISCONNECT_CONTEXT) private readonly disconnecting: DisconnectContext,
    @Inject(ConnectFlow) private readonly flow: ConnectFlow,
    @Inject(Revoker) private readonly revoker: Revoker,
    @Inject(BrowserSessions) private readonly sessions: BrowserSessions,
    @Inject(SignIn) private readonly signIn: SignIn,
    @Inject(CONTROL_PLANE_URL) controlPlaneUrl: string,
  ) {
    this.#cookies = cookieNames(controlPlaneUrl);
  }

  @Get()
  @ForBrowsers
  async show(@Query() query: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const session = await this.#session(request);
    if (!session) return sendToSignIn('/account', this.signIn, request, reply);
    sendPage(reply, accountPage(await readAccount(session.userId, this.account), session, Shown.parse(query).done));
  }

  /** The same page as an agent's link leads to, asked for by the user. */
  @Post('connect')
  @ForBrowsers
  async connect(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const asked = await this.#asked(ConnectForm, request);
    if (!asked) return sendPage(reply, staleForm);
    const { session, form, shown } = asked;
    const { servers } = await readAccount(session.userId, this.account);
    const known = servers.find(({ server }) => server === form.server);
    if (!known?.credentialProvider) return back(reply, 'gone');
    if (changedSince(shown, accountShown.connect(known)).length > 0) return back(reply, 'changed');
    const { connection, credentialProvider, server } = known;
    sendPage(
      reply,
      await this.flow.begin(
        { userId: session.userId, agent: null, server, credentialProvider, replaces: connection?.revision ?? null },
        session,
      ),
    );
  }

  @Post('disconnect')
  @ForBrowsers
  async disconnect(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const asked = await this.#asked(DisconnectForm, request);
    if (!asked) return sendPage(reply, staleForm);
    const { session, form, shown } = asked;
    const { servers } = await readAccount(session.userId, this.account);
    const known = servers.find(({ connection }) => connection?.id === form.connection);
    if (!known) return back(reply, 'gone');
    if (changedSince(shown, accountShown.disconnect(known)).length > 0) return back(reply, 'changed');
    const result = await disconnect(form.connection, 'user', this.disconnecting);
    back(reply, result.type === 'not_found' ? 'gone' : result.upstream === 'pending' ? 'pending' : 'disconnected');
  }

  @Post('end-session')
  @ForBrowsers
  async endSession(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const asked = await this.#asked(EndSessionForm, request);
    if (!asked) return sendPage(reply, staleForm);
    const { session, form, shown } = asked;
    const { agents } = await readAccount(session.userId, this.account);
    const known = agents.find(({ sid }) => sid === form.session);
    if (!known) return back(reply, 'gone');
    if (changedSince(shown, accountShown.endSession(known)).length > 0) return back(reply, 'changed');
    await this.revoker.revoke({ session: form.session, reason: 'ended by its user' }, 'user');
    back(reply, 'ended');
  }

  async #asked<T extends z.infer<typeof Signed>>(
    schema: z.ZodType<T>,
    request: FastifyRequest,
  ): Promise<{ session: BrowserSession; form: T; shown: string } | undefined> {
    const form = schema.safeParse(request.body);
    const session = await this.#session(request);
    const shown =
      form.success && session ? readForm(session.formKey, request.routeOptions.url ?? '', form.data) : undefined;
    return form.success && session && shown !== undefined ? { session, form: form.data, shown } : undefined;
  }

  #session(request: FastifyRequest) {
    return this.sessions.find(readCookie(request.headers.cookie, this.#cookies.session));
  }
}

function back(reply: FastifyReply, done: Notice): void {
  void reply.header('cache-control', 'no-store').status(303).header('location', `/account?done=${done}`).send();
}
