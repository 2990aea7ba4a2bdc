/**
 * What a server is, found out before anybody configures it: asked by the official SDK's client and by our own relay and
 * discovery, described as documents with comments, with what is not known and whose move it is. It sends no credential
 * and registers nothing. Its neighbours: `mcp-relay`, `oauth`, `safe-fetch`; the CLI's `add` shows what it says.
 */
export { describeServer } from './describe/describe-server.js';
export type {
  CommentedDocument,
  Difference,
  Fact,
  Mover,
  ServerDescription,
  Surroundings,
  Unknown,
  WrittenDocument,
} from './describe/description.js';
export { renderDocuments } from './describe/render-documents.js';
export { Findings } from './findings.js';
export { PROBE_MS, probeServer } from './probe/probe-server.js';
export type { ProbeOptions } from './probe/probe-server.js';
export { findInRegistry, MCP_REGISTRY } from './registry/find-in-registry.js';
export { readServerJson } from './registry/server-json.js';
export type { ReadEntry } from './registry/server-json.js';
