import { publicResourceUri } from './resource-uri.js';
import type { ToolPrefix } from './tool-name.js';

type JsonObject = Record<string, unknown>;
const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The result of tools/call or resources/read with every resource URI in its public form: links and embedded resources in
 * `content`, and `contents`. Structured content is the tool's own data and stays as it is. What has no public form is
 * dropped: it could not be read through us. Returns `result` itself when there is nothing to rewrite.
 */
export function rewriteResult(result: JsonObject, server: string, prefix: ToolPrefix): JsonObject {
  if (prefix === 'never') return result;
  const { content, contents } = result;
  const hasLinks = Array.isArray(content) && content.some((block: unknown) => isObject(block) && (block['type'] === 'resource_link' || block['type'] === 'resource'));
  const hasContents = Array.isArray(contents) && contents.length > 0;
  if (!hasLinks && !hasContents) return result;
  return {
    ...result,
    ...(hasLinks ? { content: content.flatMap((block: unknown) => rewriteBlock(block, server, prefix)) } : {}),
    ...(hasContents ? { contents: contents.flatMap((item: unknown) => withPublicUri(item, server, prefix) ?? []) } : {}),
  };
}

function rewriteBlock(block: unknown, server: string, prefix: ToolPrefix): unknown[] {
  if (!isObject(block)) return [block];
  if (block['type'] === 'resource_link') {
    const mapped = withPublicUri(block, server, prefix);
    return mapped === undefined ? [] : [mapped];
  }
  if (block['type'] === 'resource') {
    const resource = withPublicUri(block['resource'], server, prefix);
    return resource === undefined ? [] : [{ ...block, resource }];
  }
  return [block];
}

function withPublicUri(holder: unknown, server: string, prefix: ToolPrefix): JsonObject | undefined {
  if (!isObject(holder) || typeof holder['uri'] !== 'string') return undefined;
  const uri = publicResourceUri(server, holder['uri'], prefix);
  return uri === undefined ? undefined : { ...holder, uri };
}
