import { Controller, Inject, NotFoundException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { ClientRegistrations } from '@sallyport/connection-store';
import { describeDropped } from '@sallyport/connection/refresh';
import { Serve } from '../../admin/serve.js';
import type { RecordEvent } from '@sallyport/trail';

export const CLIENT_REGISTRATIONS_CONTEXT = Symbol('client registrations context');

export interface ClientRegistrationsContext {
  readonly registrations: Pick<ClientRegistrations, 'read' | 'list' | 'drop'>;
  readonly record: RecordEvent;
}

/** Lists and removes the registrations of this installation at servers' authorization servers (RFC 7591). */
@Controller()
export class ClientRegistrationsController {
  constructor(@Inject(CLIENT_REGISTRATIONS_CONTEXT) private readonly context: ClientRegistrationsContext) {}

  @Serve(routes.listClientRegistrations)
  async list(): Promise<Answered<'listClientRegistrations'>> {
    const registrations = await this.context.registrations.list();
    return {
      clientRegistrations: registrations.map(
        ({ issuer, clientId, authentication, redirectUri, expiresAt, createdAt }) => ({
          issuer,
          clientId,
          authentication,
          redirectUri,
          expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
          createdAt: createdAt.toISOString(),
        }),
      ),
    };
  }

  /** Whoever connects there next registers anew; who is connected connects again when their access token ends. */
  @Serve(routes.removeClientRegistration)
  async drop({ query: { issuer } }: Asked<'removeClientRegistration'>): Promise<Answered<'removeClientRegistration'>> {
    const { registrations, record } = this.context;
    const [known] = (await registrations.read(issuer)).registrations;
    if (!known || known.clientKey !== undefined || !(await registrations.drop(known)))
      throw new NotFoundException('There is no registration at this issuer.');
    await record(describeDropped(known, 'administrator'));
    return { issuer, clientId: known.clientId };
  }
}
