import { cleanText } from '@sallyport/kernel';
import type { Endpoint, Findings, UnreachableReason } from '../findings.js';
import type { Mover, Unknown } from './description.js';

/** Why no documents are written for an address, and whose move it is. */
export function whyNoServer(endpoint: Exclude<Endpoint, { type: 'mcp' }>, { url }: Pick<Findings, 'url'>): Unknown {
  const { host, pathname } = new URL(url);
  switch (endpoint.type) {
    case 'http-and-sse':
      return {
        what: 'the server speaks only HTTP+SSE, the transport of 2024-11-05, which Sallyport does not',
        move: "the server's operator",
        todo:
          'That transport was replaced in 2025-03-26 and keeps a stream open for each user. Ask for the Streamable ' +
          'HTTP endpoint, which is often the same host with /mcp.',
      };
    case 'web-page':
      return {
        what: `a web page answers at ${host}${pathname} (HTTP ${endpoint.status}), and no MCP server at /mcp`,
        move: 'you',
        todo: 'Look up the address of the MCP endpoint in the documentation of the server.',
      };
    case 'redirect':
      return {
        what: `${host} redirects to ${cleanText(endpoint.location, 200)}: ${cleanText(endpoint.why, 200)}`,
        move: 'you',
        todo: 'Nothing there was taken. If that address is the one you mean, run this again with it.',
      };
    case 'not-mcp':
      return {
        what:
          `${host}${pathname} answers HTTP ${endpoint.status} ` +
          `(${cleanText(endpoint.contentType, 80) || 'no content type'}), which is not MCP`,
        move: 'you',
        todo: 'Check the path. Also tried: with and without a slash at its end, and /mcp.',
      };
    case 'unreachable':
      return unreachable(endpoint, host);
  }
}

function unreachable({ reason, code, said }: Extract<Endpoint, { type: 'unreachable' }>, host: string): Unknown {
  const [move, todo] = NEXT[reason];
  const words = reason === 'tls' ? tlsWords(code) : WORDS[reason];
  const detail = code === '' ? cleanText(said, 200) : code;
  return { what: `${host} ${words} (${detail})`, move, todo: reason === 'tls' ? tlsTodo(code) : todo };
}

const WORDS: Readonly<Record<Exclude<UnreachableReason, 'tls'>, string>> = {
  dns: 'is a name that does not resolve here',
  connection: 'takes no connection',
  timeout: 'did not answer in time',
  'refused-address': 'may not be called',
  proxy: 'was not reached through your proxy',
  interrupted: 'broke the connection off, or does not speak HTTP',
};
const NEXT: Readonly<Record<UnreachableReason, readonly [Mover, string]>> = {
  dns: ['you', 'Check the name. If only your servers resolve it, run this there.'],
  connection: ['you', 'Check host and port, and that a firewall lets this machine through.'],
  tls: ['you', ''],
  timeout: ['nobody', 'Run this again later; if it stays, check host, port and firewall.'],
  'refused-address': ['you', 'Type the address itself, by https, without user information.'],
  proxy: ['you', 'See docs/outbound-proxy.md.'],
  interrupted: ['you', 'Check the port and the scheme: an address that speaks TLS needs https.'],
};

function tlsWords(code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return 'shows a certificate that has expired';
  if (code === 'CERT_NOT_YET_VALID') return 'shows a certificate that is not valid yet';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'shows a certificate of another name';
  if (isPlain(code)) return 'does not speak TLS at this port';
  return 'shows a certificate that nobody this machine trusts has signed';
}

function tlsTodo(code: string): string {
  if (isPlain(code)) return 'If it is a server without TLS, type http://; over a network that is not yours, do not.';
  if (/EXPIRED|NOT_YET/.test(code)) return 'Its operator renews the certificate; also check the clock of this machine.';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'Use the name that the certificate is for.';
  return 'Of a private authority: set NODE_EXTRA_CA_CERTS here, and SALLYPORT_CA_FILES for the services.';
}

const isPlain = (code: string): boolean => /^(ERR_SSL_|EPROTO)/.test(code);
