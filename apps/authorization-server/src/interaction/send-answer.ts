import type { FastifyReply } from 'fastify';
import type { Answer } from './authorization-steps.js';

export function sendAnswer(reply: FastifyReply, answer: Answer): void {
  if (answer.type === 'redirect') {
    void reply.status(303).header('location', answer.to).send();
    return;
  }
  void reply
    .status(answer.status)
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', answer.page.contentSecurityPolicy)
    .send(answer.page.html);
}
