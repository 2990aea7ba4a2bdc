import type { InboundRequest } from './exchange.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The body as text, or why not. UTF-8 only; a body over the limit is not read further. */
export async function readBody(request: Pick<InboundRequest, 'body' | 'headers'>, maxBytes: number): Promise<{ text: string } | 'too-large' | 'not-utf8'> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return 'too-large';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > maxBytes) return 'too-large';
    chunks.push(chunk);
  }
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  try {
    return { text: utf8.decode(bytes) };
  } catch {
    return 'not-utf8'; // the only thing a fatal decoder throws for
  }
}
