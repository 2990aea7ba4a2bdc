import { Controller, Get, Header, Inject, Param, Res } from '@nestjs/common';
import type { ApiDescription } from '@sallyport/admin-api/openapi';
import { sendPage } from '@sallyport/pages';
import type { FastifyReply } from 'fastify';
import { Open } from '../admin/access.js';
import { missingPage, operationPage, referencePage, schemaPage } from './reference-pages.js';

export const API_DESCRIPTION = Symbol('the API, described');

const Described = (): MethodDecorator =>
  Open('it describes the API of this version, and says nothing of the deployment');

/** The administrators' API, described for programs and for people (decision 0058). */
@Controller('v1')
export class ApiReferenceController {
  constructor(@Inject(API_DESCRIPTION) private readonly api: ApiDescription) {}

  @Described()
  @Get('openapi.json')
  @Header('cache-control', 'public, max-age=300')
  describe(): ApiDescription {
    return this.api;
  }

  @Described()
  @Get('reference')
  list(@Res() reply: FastifyReply): void {
    sendPage(reply, referencePage(this.api));
  }

  @Described()
  @Get('reference/operations/:name')
  operation(@Param('name') name: string, @Res() reply: FastifyReply): void {
    sendPage(reply, operationPage(this.api, name) ?? missingPage);
  }

  @Described()
  @Get('reference/schemas/:name')
  schema(@Param('name') name: string, @Res() reply: FastifyReply): void {
    sendPage(reply, schemaPage(this.api, name) ?? missingPage);
  }
}
