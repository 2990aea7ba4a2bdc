import { Body, Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BrowserBinding } from '../federation/browser-binding.js';
import { sendNextStep } from '../interaction/send-next-step.js';
import { BROWSER_BINDING, ISSUER, SIGN_OUT } from '../tokens.js';
import type { SignOut, SignOutVisit } from './sign-out.js';

@Controller('session')
export class SignOutController {
  constructor(
    @Inject(SIGN_OUT) private readonly signOut: SignOut,
    @Inject(BROWSER_BINDING) private readonly binding: BrowserBinding,
    @Inject(ISSUER) private readonly issuer: string,
  ) {}

  @Get('end')
  async ask(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    sendNextStep(
      reply,
      await this.signOut.ask(this.#visit(request, reply), new URL(request.raw.url ?? '', this.issuer).searchParams),
    );
  }

  @Post('end')
  async confirm(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Body() body: unknown): Promise<void> {
    sendNextStep(
      reply,
      await this.signOut.confirm(
        this.#visit(request, reply),
        typeof body === 'object' && body !== null ? { ...body } : {},
      ),
    );
  }

  @Get('ended')
  ended(@Res() reply: FastifyReply): void {
    sendNextStep(reply, this.signOut.ended());
  }

  #visit(request: FastifyRequest, reply: FastifyReply): SignOutVisit {
    const { browser, setCookie } = this.binding.bind(request.headers.cookie);
    if (setCookie !== undefined) void reply.header('set-cookie', setCookie);
    return { request: request.raw, response: reply.raw, browser, sourceIp: request.ip };
  }
}
