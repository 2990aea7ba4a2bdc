import { durationSeconds } from '@sallyport/kernel';
import type { DocumentOf } from '@sallyport/configuration';
import { problemIf } from './check.js';
import type { Problem } from './check.js';
import { MAX_TOKEN_LIFETIME_SECONDS, MIN_TOKEN_LIFETIME_SECONDS, secondsOf } from './token-lifetime.js';

/** Longer than two processes of one agent take, shorter than most pauses in which a spent token could be found. */
const MIN_REFRESH_REPEAT_SECONDS = 60;
const MAX_REFRESH_REPEAT_SECONDS = 3_600;
/** The end of a session is remembered a little longer than this. */
const MAX_SESSION_SECONDS = 365 * 86_400;

export function authorizationServerProblems({ spec }: DocumentOf<'AuthorizationServer'>): readonly Problem[] {
  const { accessToken, machineToken, refreshRepeat, sessionIdle, session } = spec.lifetimes;
  const token = secondsOf(accessToken);
  const machine = secondsOf(machineToken);
  const repeat = refreshRepeat === undefined ? undefined : durationSeconds(refreshRepeat);
  const idle = secondsOf(sessionIdle);
  const whole = secondsOf(session);
  const lifetimeIf = (isWrong: boolean, field: keyof typeof spec.lifetimes, message: string) =>
    problemIf(isWrong, ['lifetimes', field], message);

  return [
    ...lifetimeIf(token > MAX_TOKEN_LIFETIME_SECONDS, 'accessToken', 'is more than 1h: shorten it'),
    ...lifetimeIf(token < MIN_TOKEN_LIFETIME_SECONDS, 'accessToken', 'is less than 1m: lengthen it'),
    ...lifetimeIf(
      machine > MAX_TOKEN_LIFETIME_SECONDS || machine < MIN_TOKEN_LIFETIME_SECONDS,
      'machineToken',
      'must be between 1m and 1h',
    ),
    ...lifetimeIf(
      repeat !== undefined && (repeat < MIN_REFRESH_REPEAT_SECONDS || repeat > MAX_REFRESH_REPEAT_SECONDS),
      'refreshRepeat',
      'must be between 1m and 1h',
    ),
    ...lifetimeIf(idle < token, 'sessionIdle', `is less than an access token lives (${accessToken}): lengthen it`),
    ...lifetimeIf(whole < idle, 'session', `is less than sessionIdle (${sessionIdle}): lengthen it`),
    ...lifetimeIf(whole > MAX_SESSION_SECONDS, 'session', 'is more than 365d: shorten it'),
  ];
}
