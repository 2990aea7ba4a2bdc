import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { html, onwardPage, sendPage } from '@sallyport/pages';
import { ForBrowsers } from '../admin/access.js';
import { cookieNames, readCookie, writeCookie, type CookieNames } from '../pages/cookies.js';
import { BrowserSessions } from './browser-sessions.js';
import { formFields, readForm } from './signed-form.js';
import { SignIn } from './sign-in.js';

export const CONTROL_PLANE_URL = Symbol('control plane URL');
const RETRY_AFTER_SECONDS = 5;
const Form = z.object({ csrf: z.string(), shown: z.string() });
const SwitchUser = Form.extend({ return_to: z.string() });

@Controller('session')
export class SessionController {
  readonly #signIn: SignIn;
  readonly #sessions: BrowserSessions;
  readonly #cookies: CookieNames;
  readonly #origin: string;

  constructor(
    @Inject(SignIn) signIn: SignIn,
    @Inject(BrowserSessions) sessions: BrowserSessions,
    @Inject(CONTROL_PLANE_URL) controlPlaneUrl: string,
  ) {
    this.#signIn = signIn;
    this.#sessions = sessions;
    this.#cookies = cookieNames(controlPlaneUrl);
    this.#origin = controlPlaneUrl;
  }

  @Get('callback')
  @ForBrowsers
  async callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { session, secure } = this.#cookies;
    const parameters = new URL(request.url, this.#origin).searchParams;
    const result = await this.#signIn.complete(parameters, request.headers.cookie);
    if (result.type === 'unavailable') {
      void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
      return sendPage(reply, {
        status: 503,
        title: 'One moment, please',
        body: html`<p>Your sign-in could not be finished: the server that confirms it does not answer just now.
<a href="${localPath(result.returnTo)}">Try again</a> in a moment.</p>`,
      });
    }
    void reply.header('set-cookie', this.#signIn.forget(parameters));
    if (result.type === 'refused') {
      return sendPage(reply, {
        status: 400,
        title: 'You are not signed in',
        body: html`<p>The sign-in was not completed in this browser. Ask your agent again and open its new link.</p>`,
      });
    }
    // A page that another sign-in of this browser led to stays usable: its forms are this session's.
    const current = await this.#sessions.find(readCookie(request.headers.cookie, session));
    if (current?.userId !== result.userId || current.signIn !== result.signIn) {
      const { id, maxAgeSeconds } = await this.#sessions.begin(result);
      void reply.header('set-cookie', writeCookie(session, id, { maxAgeSeconds, secure }));
    }
    void reply.status(303).header('location', localPath(result.returnTo)).send();
  }

  /** Asks; signing out is a form of this session, then the authorization server's. */
  @Get('end')
  @ForBrowsers
  async askToSignOut(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const session = await this.#sessions.find(readCookie(request.headers.cookie, this.#cookies.session));
    if (!session) return this.#signOutAtAuthorizationServer(reply);
    sendPage(reply, {
      title: 'Sign out?',
      body: html`<p>You are signed in here. Agents you connected keep working for you.</p>
<form method="post" action="/session/end">
${formFields(session.formKey, '/session/end', { user: session.userId })}
<button class="primary" type="submit">Sign out</button></form>`,
    });
  }

  @Post('end')
  @ForBrowsers
  async signOut(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const form = Form.safeParse(request.body);
    const session = await this.#sessions.find(readCookie(request.headers.cookie, this.#cookies.session));
    if (session && (!form.success || readForm(session.formKey, '/session/end', form.data) === undefined))
      return sendPage(reply, {
        status: 403,
        title: 'This form is not yours',
        body: html`<p>You are still signed in.</p>`,
      });
    if (session) await this.#sessions.end(session);
    void reply.header(
      'set-cookie',
      writeCookie(this.#cookies.session, '', { maxAgeSeconds: 0, secure: this.#cookies.secure }),
    );
    this.#signOutAtAuthorizationServer(reply);
  }

  @Get('ended')
  @ForBrowsers
  ended(@Res() reply: FastifyReply): void {
    sendPage(reply, { title: 'You are signed out', body: html`<p>You can close this page.</p>` });
  }

  #signOutAtAuthorizationServer(reply: FastifyReply): void {
    const url = this.#signIn.signOutUrl();
    sendPage(reply, onwardPage({ title: 'Signing out', to: url, link: 'Continue to sign out' }));
  }

  /** Ends the session and signs in again, as somebody else. */
  @Post('switch')
  @ForBrowsers
  async switchUser(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const form = SwitchUser.safeParse(request.body);
    const session = await this.#sessions.find(readCookie(request.headers.cookie, this.#cookies.session));
    if (!form.success || !session || readForm(session.formKey, '/session/switch', form.data) === undefined) {
      return sendPage(reply, {
        status: 403,
        title: 'This form is not yours',
        body: html`<p>Open the link of your agent again.</p>`,
      });
    }
    await this.#sessions.end(session);
    const { url, setCookies } = await this.#signIn.begin(localPath(form.data.return_to), request.headers.cookie, {
      freshSignIn: true,
    });
    const { session: sessionCookie, secure } = this.#cookies;
    void reply.header('set-cookie', [writeCookie(sessionCookie, '', { maxAgeSeconds: 0, secure }), ...setCookies]);
    sendPage(reply, onwardPage({ title: 'Signing in', to: url, link: 'Continue to sign in' }));
  }
}

/** Only pages of ours are returned to. */
function localPath(path: string): string {
  return /^\/connect\/[A-Za-z0-9_-]+$/.test(path) ? path : '/account';
}
