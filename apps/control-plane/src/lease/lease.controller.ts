import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { subjects } from '@sallyport/messages';
import type { Admission } from '@sallyport/messaging';
import { answerLeaseRequest, type LeaseContext } from './answer-lease-request.js';

export const LEASE_CONTEXT = Symbol('lease context');
export const LEASE_ADMISSION = Symbol('lease admission');

@Controller()
export class LeaseController {
  constructor(
    @Inject(LEASE_CONTEXT) private readonly context: LeaseContext,
    @Inject(LEASE_ADMISSION) private readonly admission: Admission,
  ) {}

  @MessagePattern(subjects.lease)
  answer(@Payload() wire: unknown) {
    return this.admission.admit(wire, () => answerLeaseRequest(wire, this.context));
  }
}
