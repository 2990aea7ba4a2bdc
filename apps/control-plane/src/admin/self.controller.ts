import { Controller, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { isPermitted, Permission, routes, type Answered } from '@sallyport/admin-api';
import type { FastifyRequest } from 'fastify';
import { administratorOf, type Administrator } from './administrators.js';
import { Serve } from './serve.js';

/** The parameter of a handler that is who asks, with their roles. */
const Asking = createParamDecorator((_data: undefined, context: ExecutionContext): Administrator =>
  administratorOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** Tells administrators who they are here. */
@Controller()
export class SelfController {
  @Serve(routes.readSelf)
  async read(_request: object, @Asking() { actor, roles }: Administrator): Promise<Answered<'readSelf'>> {
    const permissions = Permission.options.filter((permission) => isPermitted(roles, permission));
    return Promise.resolve({ actor, roles, permissions });
  }
}
