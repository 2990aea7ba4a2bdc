import type { Severity, SinkRecord } from './log-sink.js';

export interface SyslogSource {
  /** The host events are of; `-` where it has no place in the header. */
  readonly hostname: string;
  readonly appName: string;
  /** RFC 5424 section 6.2.1, 0 to 23. */
  readonly facility: number;
}

/** RFC 5424 section 6.2.1. */
const SEVERITIES: Readonly<Record<Severity, number>> = { error: 3, warning: 4, info: 6 };

/**
 * One event as RFC 5424 writes it: `<110>1 2026-11-30T20:00:00.000Z sallyport.example sallyport - mcp.response - {…}`.
 * MSGID is the type of the event; the message is its JSON, in UTF-8 without a byte order mark, which parsers of JSON
 * stumble over.
 */
export function syslogMessage({ at, type, severity, body }: SinkRecord, source: SyslogSource): string {
  const priority = source.facility * 8 + SEVERITIES[severity];
  const header = [
    `<${priority}>1`,
    new Date(at).toISOString(),
    printable(source.hostname, 255),
    printable(source.appName, 48),
    '-',
    printable(type, 32),
    '-',
  ];
  return `${header.join(' ')} ${body}`;
}

/** RFC 6587 section 3.4.1, as RFC 5425 section 4.3 demands it: the octets of the message before it. */
export const octetCounted = (message: string): string => `${Buffer.byteLength(message)} ${message}`;

/** Printable US-ASCII without spaces (RFC 5424 section 6), or the value for none. */
const printable = (text: string, most: number): string => text.replace(/[^\x21-\x7e]/g, '').slice(0, most) || '-';
