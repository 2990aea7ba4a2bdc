import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SallyportError } from '@sallyport/kernel';
import { BrowserBinding } from '../federation/browser-binding.js';
import { busyWords } from '../pages/busy-page.js';
import { messagePage, UNREAD_WORDS } from '../pages/message-pages.js';
import { AUTHORIZATION_STEPS, BROWSER_BINDING } from '../tokens.js';
import { AuthorizationSteps } from './authorization-steps.js';
import { expired, show, type NextStep } from './next-step.js';
import { sendNextStep } from './send-next-step.js';
import type { Visit } from './visit.js';

const NOT_NOW_SECONDS = 30;

/** The pages between an authorization request and its code. */
@Controller('interaction/:uid')
export class InteractionController {
  constructor(
    @Inject(AUTHORIZATION_STEPS) private readonly steps: AuthorizationSteps,
    @Inject(BROWSER_BINDING) private readonly binding: BrowserBinding,
  ) {}

  @Get()
  show(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('uid') uid: string): Promise<void> {
    return this.#answer(request, reply, uid, (visit) => this.steps.show(visit));
  }

  @Get('signed-in')
  signedIn(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('uid') uid: string): Promise<void> {
    return this.#answer(request, reply, uid, (visit) => this.steps.signedIn(visit));
  }

  @Post('sign-in')
  signIn(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('uid') uid: string,
    @Body() body: unknown,
  ): Promise<void> {
    return this.#answer(request, reply, uid, (visit) => this.steps.signIn(visit, formOf(body)));
  }

  @Post('consent')
  consent(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('uid') uid: string,
    @Body() body: unknown,
  ): Promise<void> {
    return this.#answer(request, reply, uid, (visit) => this.steps.consent(visit, formOf(body)));
  }

  @Post('deny')
  deny(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('uid') uid: string,
    @Body() body: unknown,
  ): Promise<void> {
    return this.#answer(request, reply, uid, (visit) => this.steps.deny(visit, formOf(body)));
  }

  async #answer(
    request: FastifyRequest,
    reply: FastifyReply,
    uid: string,
    step: (visit: Visit) => Promise<NextStep>,
  ): Promise<void> {
    const { browser, setCookie } = this.binding.bind(request.headers.cookie);
    if (setCookie !== undefined) void reply.header('set-cookie', setCookie);
    sendNextStep(
      reply,
      await step({ request: request.raw, response: reply.raw, uid, browser, sourceIp: request.ip }).catch(
        (error: unknown) => notNow(error, uid, reply),
      ),
    );
  }
}

function formOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}

/** The page for an error that is not the request's fault: the request waits, and the page can be loaded again. */
function notNow(error: unknown, uid: string, reply: FastifyReply): NextStep {
  const code = error instanceof SallyportError ? error.code : undefined;
  if (code === 'interaction_gone') return expired;
  if (code !== 'agent_not_now' && code !== 'interaction_not_now') throw error;
  void reply.header('retry-after', String(NOT_NOW_SECONDS));
  const link = { to: `/interaction/${uid}`, text: 'Try again' };
  return code === 'interaction_not_now'
    ? show(messagePage('Too many requests', busyWords(), { link }), 429)
    : show(messagePage('One moment, please', UNREAD_WORDS, { link }), 503);
}
