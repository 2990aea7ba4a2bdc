import { cleanText } from '@sallyport/kernel';
import type { SignIn } from '../findings.js';
import type { Mover } from './description.js';

export interface Remedy {
  /** What is wrong, in one sentence. */
  readonly words: string;
  /** Commented-out lines of the document that would mend it. */
  readonly lines: readonly string[];
  readonly move: Mover;
  readonly todo: string;
}

type Failure = NonNullable<SignIn['failure']>;

/** What is wrong with how a server describes its sign-in, and who can mend it. */
export function remedyOf({ reason, detail }: Failure, resource: SignIn['resource']): Remedy {
  const said = (name: string): string => cleanText(String(detail[name] ?? ''), 200);
  const [wanted, got, address] = [said('wanted'), said('got'), said('address')];
  switch (reason) {
    case 'resource_mismatch':
      return {
        words: `its metadata is of another resource: ${got}, not ${wanted}.`,
        lines: [],
        move: 'you',
        todo: `If ${got} is meant, write \`resource: ${got}\` in the McpServer document; else its operator mends it.`,
      };
    case 'issuer_mismatch':
      return {
        words: `the authorization server it names as ${wanted} calls itself ${got}.`,
        lines: [`If that is the one that is meant: \`authorizationServer: ${got}\``],
        move: 'you',
        todo: `If ${got} is meant, write it in \`authorizationServer\`; else its operator mends it.`,
      };
    case 'no_s256':
      return {
        words: 'its authorization server does not say that it takes PKCE with S256.',
        lines: ['If it takes PKCE all the same: `pkce: assumed`'],
        move: "the authorization server's operator",
        todo: 'Ask whether it takes PKCE with S256 (it should list it). If so, write `pkce: assumed`.',
      };
    case 'no_metadata':
    case 'no_authorization_server':
      return {
        words: 'it names no authorization server that has metadata.',
        lines: ['If you know its issuer: `authorizationServer: https://…`'],
        move: "the server's operator",
        todo: 'Ask for the issuer, and write it in `authorizationServer`.',
      };
    case 'malformed_metadata':
      return {
        words: `the metadata at ${address} is not what its specification says: ${said('field')} ${said('problem')}.`,
        lines: [],
        move: "the server's operator",
        todo: 'It has to mend its metadata.',
      };
    case 'outbound_refused':
      return refusedAddress(address, said('allow'), resource);
    default:
      return {
        words: `its metadata could not be read (${reason}${address === '' ? '' : ` at ${address}`}).`,
        lines: [],
        move: 'nobody',
        todo: 'Run this again later; if it stays, the address does not answer.',
      };
  }
}

function refusedAddress(address: string, allow: string, resource: SignIn['resource']): Remedy {
  const named = address === '' ? (resource?.authorizationServers[0] ?? 'an address') : address;
  const origin = URL.canParse(named) ? new URL(named).origin : named;
  return {
    words: `its metadata leads to ${cleanText(named, 200)}, on a private network or without TLS, which was not called.`,
    lines: allow === '' ? [] : [`OutboundNetwork would need: ${allow}`],
    move: 'you',
    todo: `If that address is yours, run this again with --allow ${origin}. If the server is not yours, do not.`,
  };
}
