import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Open } from '../../admin/access.js';
import { CLIENT_METADATA_PATH, ClientMetadataDocument } from './client-metadata-document.js';

/** Who we are toward servers' authorization servers, for whoever asks (Client ID Metadata Document). */
@Controller()
export class ClientMetadataController {
  constructor(@Inject(ClientMetadataDocument) private readonly document: ClientMetadataDocument) {}

  @Open('what we are toward authorization servers is public')
  @Get(CLIENT_METADATA_PATH)
  @Header('cache-control', 'public, max-age=300')
  show() {
    return this.document.read();
  }
}
