import type { McpRequest } from '../load/mcp-request.js';
import type { Product, ProductOptions } from '../subjects/product.js';
import type { BenchServer, Subject } from '../subjects/subject.js';

export interface Scenario {
  readonly name: string;
  /** One sentence for readers of the report. */
  readonly about: string;
  /** What the product is configured with for it; scenarios with the same are measured on the same product. */
  readonly configuration: Pick<ProductOptions, 'furtherPolicies'> & { readonly servers: readonly BenchServer[] };
  /** How many connections send at once. */
  readonly connections: number;
  /** Makes the requests for a product, and for what only forwards: `product` is undefined then. */
  requests(subject: Subject, product: Product | undefined): Promise<readonly McpRequest[]>;
}
