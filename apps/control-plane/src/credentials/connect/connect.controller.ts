import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sendPage, type Page } from '@sallyport/pages';
import { ForBrowsers } from '../../admin/access.js';
import { cookieNames, readCookie, type CookieNames } from '../../pages/cookies.js';
import { BrowserSessions, type BrowserSession } from '../../browser-session/browser-sessions.js';
import { sendToSignIn } from '../../browser-session/send-to-sign-in.js';
import { CONTROL_PLANE_URL } from '../../browser-session/session.controller.js';
import { SignIn } from '../../browser-session/sign-in.js';
import { formFields } from '../../browser-session/signed-form.js';
import { ConnectFlow } from './connect-flow.js';
import { sharedBrowser } from './connect-shared.controller.js';
import { otherUserPage, ticketPages } from './connect-pages.js';

const Signed = z.object({ csrf: z.string(), shown: z.string() });
const ConfirmForm = Signed.extend({ confirmation: z.string().min(1).max(128), decision: z.enum(['use', 'keep']) });
const Form = Signed.extend({ username: z.string().max(1_024).optional(), secret: z.string().max(16_384).optional() });

/** Security rule S23: GET changes nothing, a form of this session starts the flow, the callback checks both again. */
@Controller('connect')
export class ConnectController {
  readonly #flow: ConnectFlow;
  readonly #sessions: BrowserSessions;
  readonly #signIn: SignIn;
  readonly #cookies: CookieNames;
  readonly #origin: string;

  constructor(
    @Inject(ConnectFlow) flow: ConnectFlow,
    @Inject(BrowserSessions) sessions: BrowserSessions,
    @Inject(SignIn) signIn: SignIn,
    @Inject(CONTROL_PLANE_URL) controlPlaneUrl: string,
  ) {
    this.#flow = flow;
    this.#sessions = sessions;
    this.#signIn = signIn;
    this.#cookies = cookieNames(controlPlaneUrl);
    this.#origin = controlPlaneUrl;
  }

  @Get('callback')
  @ForBrowsers
  async callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const shared = readCookie(request.headers.cookie, this.#cookies.shared);
    sendPage(
      reply,
      await this.#flow.finish(
        new URL(request.url, this.#origin).searchParams,
        await this.#session(request),
        shared === undefined ? undefined : sharedBrowser(shared),
      ),
    );
  }

  @Get(':ticket')
  @ForBrowsers
  async show(
    @Param('ticket') handle: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.#flow.open(handle);
    if (opened.type === 'page') return sendPage(reply, opened.page);
    const path = `/connect/${handle}`;
    const session = await this.#session(request);
    if (!session) return sendToSignIn(path, this.#signIn, request, reply);
    if (session.userId !== opened.ticket.userId) return sendPage(reply, otherUser(session, path));
    sendPage(reply, await this.#flow.show(opened.ticket, session, path));
  }

  @Post('confirm')
  @ForBrowsers
  async confirm(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const form = ConfirmForm.safeParse(request.body);
    const session = await this.#session(request);
    sendPage(reply, form.success && session ? await this.#flow.confirm(form.data, session) : ticketPages.staleForm);
  }

  @Post(':ticket')
  @ForBrowsers
  async start(
    @Param('ticket') handle: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    sendPage(reply, await this.#startPage(handle, request));
  }

  async #startPage(handle: string, request: FastifyRequest): Promise<Page> {
    const opened = await this.#flow.open(handle);
    if (opened.type === 'page') return opened.page;
    const form = Form.safeParse(request.body);
    const session = await this.#session(request);
    if (!form.success || !session) return ticketPages.staleForm;
    if (session.userId !== opened.ticket.userId) return otherUser(session, `/connect/${handle}`);
    return this.#flow.start(opened.ticket, session, `/connect/${handle}`, form.data);
  }

  #session(request: FastifyRequest) {
    return this.#sessions.find(readCookie(request.headers.cookie, this.#cookies.session));
  }
}

const otherUser = (session: BrowserSession, path: string): Page =>
  otherUserPage(formFields(session.formKey, '/session/switch', { user: session.userId }), path);
