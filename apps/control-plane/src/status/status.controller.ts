import { Controller, Inject } from '@nestjs/common';
import { routes } from '@sallyport/admin-api';
import { Serve } from '../admin/serve.js';
import { readStatus, type Status, type StatusContext } from './read-status.js';

export const STATUS_CONTEXT = Symbol('status context');

/** Tells how the deployment is. */
@Controller()
export class StatusController {
  constructor(@Inject(STATUS_CONTEXT) private readonly context: StatusContext) {}

  @Serve(routes.readStatus)
  async read(): Promise<Status> {
    return await readStatus(this.context);
  }
}
