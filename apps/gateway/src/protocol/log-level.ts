/** RFC 5424 severities as MCP words them, least severe first. */
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const isLogLevel = (level: unknown): level is LogLevel => LOG_LEVELS.some((known) => known === level);

/** Whether a client that asked for `wanted` gets a message of this level. What has no known level goes nowhere. */
export function isLogged(wanted: LogLevel | undefined, level: unknown): boolean {
  return wanted !== undefined && isLogLevel(level) && LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted);
}
