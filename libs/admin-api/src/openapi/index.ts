/** The API described for programs and people: an OpenAPI 3.1 document, made from the schemas that validate. */
export { describeApi } from './describe-api.js';
export type { ApiAnswer, ApiDescription, ApiOperation, ApiParameter } from './describe-api.js';
export type { JsonSchema } from './named-schemas.js';
