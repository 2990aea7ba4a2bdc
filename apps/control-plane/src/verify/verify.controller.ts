import { Controller, Inject } from '@nestjs/common';
import { routes, type Asked } from '@sallyport/admin-api';
import { SingleFlight } from '@sallyport/kernel';
import { Serve } from '../admin/serve.js';
import type { VerifyContext } from './context.js';
import { verify, type Verified } from './verify.js';

export const VERIFY_CONTEXT = Symbol('verify context');

/** Checks the deployment. Those who ask at the same time get one answer: others' servers are asked once. */
@Controller()
export class VerifyController {
  readonly #running = new SingleFlight<'working' | 'hardening', Verified>();

  constructor(@Inject(VERIFY_CONTEXT) private readonly context: VerifyContext) {}

  @Serve(routes.verify)
  async verify({ query }: Asked<'verify'>): Promise<Verified> {
    const what = query.hardening === true ? 'hardening' : 'working';
    return await this.#running.run(what, () => verify(this.context, what));
  }
}
