/**
 * The servers as agents see them: tool names, resource URIs, catalogues, and the headers a tool's arguments travel in.
 * Pure: does no I/O, knows no policy and no credential. `mcp-relay` moves the bytes, the gateway puts both together.
 */
export { cataloguePrompts, catalogueResources, catalogueTools, isCut } from './catalogue.js';
export type { Catalogue, CatalogueEntry, CataloguedTool, CutReason, Dropped } from './catalogue.js';
export { serverTitle, titleOfServer } from './mcp-server.js';
export type { McpServer } from './mcp-server.js';
export {
  decodeHeaderValue,
  encodeHeaderValue,
  findParameterHeaders,
  mismatchedParameterHeader,
  parameterHeaders,
} from './parameter-headers.js';
export type { ParameterHeader } from './parameter-headers.js';
export { normalResourceUri, publicResourceUri, serverResourceUri, serverUriTemplate } from './resource-uri.js';
export type { ReceivedUri } from './resource-uri.js';
export { linkAsText, rewriteResult } from './rewrite-result.js';
export { connectToolName, publicName, serversThatMayOffer } from './public-name.js';
export type { NamePrefix, Naming } from './public-name.js';
