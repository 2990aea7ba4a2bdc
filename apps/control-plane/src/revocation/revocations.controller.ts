import { Controller, Inject, NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { Serve } from '../admin/serve.js';
import { Revoker } from './revoke.js';

/** Revokes access of users, agents and sessions, and of what was leased for a server (R85). */
@Controller()
export class RevocationsController {
  constructor(@Inject(Revoker) private readonly revoker: Revoker) {}

  @Serve(routes.revoke)
  async create({ body }: Asked<'revoke'>): Promise<Answered<'revoke'>> {
    const result = await this.revoker.revoke(body);
    switch (result.type) {
      case 'revoked':
        return { ...result.revocation, disconnected: result.disconnected };
      case 'unknown_subject':
        throw new NotFoundException(`There is no such ${result.what}.`);
      case 'not_published':
        throw new ServiceUnavailableException(
          'The revocation is recorded and will be in force as soon as the bus is reachable.',
        );
    }
  }
}
