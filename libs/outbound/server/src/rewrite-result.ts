import { publicContentUri, publicResourceUri } from './resource-uri.js';
import type { NamePrefix } from './public-name.js';

type JsonObject = Record<string, unknown>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The result of tools/call, prompts/get or resources/read with every resource URI in its public form: links and
 * embedded resources in `content` and `messages`, and `contents`. Structured content is the tool's own data and stays
 * as it is. A link to what could not be read through us is told in text; content that is there is passed on whatever
 * its URI (S13). Returns `result` itself when there is nothing to rewrite.
 */
export function rewriteResult(result: JsonObject, server: string, prefix: NamePrefix): JsonObject {
  if (prefix === 'never') return result;
  const { content, contents, messages } = result;
  const hasLinks = Array.isArray(content) && content.some(isLink);
  const hasContents = Array.isArray(contents) && contents.length > 0;
  const hasLinksInMessages =
    Array.isArray(messages) && messages.some((message: unknown) => isObject(message) && isLink(message['content']));
  if (!hasLinks && !hasContents && !hasLinksInMessages) return result;
  return {
    ...result,
    ...(hasLinks ? { content: content.map((block: unknown) => rewriteBlock(block, server, prefix)) } : {}),
    ...(hasContents ? { contents: contents.map((item: unknown) => withContentUri(item, server, prefix)) } : {}),
    ...(hasLinksInMessages
      ? { messages: messages.map((message: unknown) => rewriteMessage(message, server, prefix)) }
      : {}),
  };
}

const isLink = (block: unknown): boolean =>
  isObject(block) && (block['type'] === 'resource_link' || block['type'] === 'resource');

function rewriteMessage(message: unknown, server: string, prefix: NamePrefix): unknown {
  return isObject(message) && isLink(message['content'])
    ? { ...message, content: rewriteBlock(message['content'], server, prefix) }
    : message;
}

function rewriteBlock(block: unknown, server: string, prefix: NamePrefix): unknown {
  if (!isObject(block)) return block;
  const { type, uri } = block;
  if (type === 'resource') return { ...block, resource: withContentUri(block['resource'], server, prefix) };
  if (type !== 'resource_link') return block;
  const shown = typeof uri === 'string' ? publicResourceUri(server, uri, prefix) : undefined;
  return shown === undefined ? linkAsText(block, NOT_READABLE) : { ...block, uri: shown };
}

const NOT_READABLE = '(a resource of the server, which cannot be read through this gateway)';

/** For whoever knows no links, or could not follow this one. */
export function linkAsText({ title, name, uri, annotations, _meta: meta }: JsonObject, remark?: string): JsonObject {
  const called = [title ?? name, uri].filter((part) => typeof part === 'string').join(': ');
  return {
    type: 'text',
    text: [called, remark].filter((part) => part !== undefined && part !== '').join(' '),
    ...(isObject(annotations) ? { annotations } : {}),
    ...(isObject(meta) ? { _meta: meta } : {}),
  };
}

function withContentUri(holder: unknown, server: string, prefix: NamePrefix): unknown {
  return isObject(holder) && typeof holder['uri'] === 'string'
    ? { ...holder, uri: publicContentUri(server, holder['uri'], prefix) }
    : holder;
}
