import {
  Body,
  Controller,
  HttpCode,
  Inject,
  NotFoundException,
  Post,
  ServiceUnavailableException,
} from '@nestjs/common';
import { Revoker } from './revoke.js';

@Controller('v1/revocations')
export class RevocationsController {
  constructor(@Inject(Revoker) private readonly revoker: Revoker) {}

  /** `{ user | agent | user + agent | session, block?, connections?, reason? }` → 201 once it is on the bus, and so in force well under a second later. */
  @Post()
  @HttpCode(201)
  async create(@Body() body: unknown) {
    const result = await this.revoker.revoke(body);
    switch (result.outcome) {
      case 'revoked':
        return { ...result.revocation, disconnected: result.disconnected };
      case 'unknown-subject':
        throw new NotFoundException(`There is no such ${result.what}.`);
      case 'not-published':
        throw new ServiceUnavailableException(
          'The revocation is recorded and will be in force as soon as the bus is reachable.',
        );
    }
  }
}
