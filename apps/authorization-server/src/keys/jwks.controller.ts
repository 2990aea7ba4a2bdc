import { Controller, Get, Header, Inject } from '@nestjs/common';
import { PUBLIC_KEYS } from '../tokens.js';
import { PublicKeys, type PublicKeySet } from './public-keys.js';

/** RFC 7517. Access tokens (`at-…`) and downstream tokens (`dt-…`) are verified with these. */
@Controller('jwks')
export class JwksController {
  constructor(@Inject(PUBLIC_KEYS) private readonly keys: PublicKeys) {}

  @Get()
  @Header('access-control-allow-origin', '*') // to whoever asks: caches in between keep it for everybody
  @Header('cache-control', 'public, max-age=60')
  read(): Promise<PublicKeySet> {
    return this.keys.read();
  }
}
