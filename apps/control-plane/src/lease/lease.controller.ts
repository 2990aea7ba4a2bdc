import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { subjects } from '@sallyport/messages';
import { answerLeaseRequest, type LeaseContext } from './answer-lease-request.js';

export const LEASE_CONTEXT = Symbol('lease context');

@Controller()
export class LeaseController {
  readonly #context: LeaseContext;

  constructor(@Inject(LEASE_CONTEXT) context: LeaseContext) {
    this.#context = context;
  }

  @MessagePattern(subjects.lease)
  answer(@Payload() wire: unknown) {
    return answerLeaseRequest(wire, this.#context);
  }
}
