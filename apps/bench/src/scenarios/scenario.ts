import type { McpRequest, Route } from '../load/mcp-request.js';
import type { Product, ProductOptions } from '../subjects/product.js';
import type { BenchServer } from '../subjects/subject.js';

export type Configuration = Pick<ProductOptions, 'furtherPolicies'> & { readonly servers: readonly BenchServer[] };

/** What a scenario makes its requests for: one subject, ours or not. */
export interface Asking {
  readonly origin: string;
  readonly pid: number;
  /** Undefined for what only forwards; it is sent the same tokens all the same. */
  readonly product: Product | undefined;
  /** Access tokens, each of another user. */
  readonly tokens: Product['tokens'];
  /** The product has one endpoint and a prefix for each server; what only forwards has the server's path. */
  readonly routeTo: (server: BenchServer) => Route;
  /** How many requests are wanted, where each is good for one answer only. */
  readonly count: number;
  /** Tells a figure of this subject that others do not have. */
  readonly note: (name: string, figure: number) => void;
}

export interface Scenario {
  readonly name: string;
  /** One sentence for readers of the report. */
  readonly about: string;
  /** What the product is configured with; scenarios with the same configuration are measured on the same product. */
  readonly configuration: Configuration;
  /** Another configuration that the product is measured with beside it, to say what the difference costs. */
  readonly comparedWith?: Configuration;
  /** How many connections send at once. */
  readonly connections: number;
  /** Milliseconds between the answers that are checked; 50 if not said. */
  readonly checkEveryMs?: number;
  /** Whether a request is good for one answer only; they are made anew for each load then. */
  readonly areSingle?: boolean;
  /** Whether the product may answer by itself; else an answer without the server is an error. */
  readonly mayBeRemembered?: boolean;
  requests(asking: Asking): Promise<readonly McpRequest[]>;
  /** Goes on beside each load of a product. */
  beside?(product: Product): { stop(): Promise<void> };
}
