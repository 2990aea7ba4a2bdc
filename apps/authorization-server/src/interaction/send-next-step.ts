import { sendPage } from '@sallyport/pages';
import type { FastifyReply } from 'fastify';
import type { NextStep } from './next-step.js';

export function sendNextStep(reply: FastifyReply, next: NextStep): void {
  if (next.type === 'page') sendPage(reply, next.page);
  else void reply.status(303).header('location', next.to).send();
}
