import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Open } from './access.js';

/** What `ResourceMetadataController` describes. */
export const API_RESOURCE = Symbol('ApiResource');
export interface ApiResource {
  /** e.g. `https://control.example/v1`: the audience of every token for the API. */
  readonly resource: string;
  /** The authorization server that gives them. */
  readonly issuer: string;
}

/** Where the metadata of this resource is (RFC 9728 section 3.1). */
export const resourceMetadataUrlOf = (resource: string): string =>
  `${new URL(resource).origin}/.well-known/oauth-protected-resource/v1`;

/** The metadata of the API (RFC 9728): clients of administrators learn there where to get a token. */
@Controller()
export class ResourceMetadataController {
  constructor(@Inject(API_RESOURCE) private readonly api: ApiResource) {}

  @Open('where an administrator gets a token is public')
  @Get('.well-known/oauth-protected-resource/v1')
  @Header('cache-control', 'public, max-age=300')
  show() {
    return {
      resource: this.api.resource,
      authorization_servers: [this.api.issuer],
      bearer_methods_supported: ['header'],
      resource_name: 'Sallyport admin API',
    };
  }
}
