import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BrowserBinding } from '../federation/browser-binding.js';
import { AUTHORIZATION_STEPS, BROWSER_BINDING } from '../tokens.js';
import { AuthorizationSteps, type Answer, type Visit } from './authorization-steps.js';
import { sendAnswer } from './send-answer.js';

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
    step: (visit: Visit) => Promise<Answer>,
  ): Promise<void> {
    let browser = this.binding.browserOf(request.headers.cookie);
    if (browser === undefined) {
      const created = this.binding.create();
      browser = created.browser;
      void reply.header('set-cookie', created.setCookie);
    }
    sendAnswer(reply, await step({ request: request.raw, response: reply.raw, uid, browser, sourceIp: request.ip }));
  }
}

function formOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}
