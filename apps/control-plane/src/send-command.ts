import { SallyportError } from '@sallyport/kernel';
import { CommandAnswer } from '@sallyport/messages';
import { MessagingError, type Requests } from '@sallyport/messaging';

/**
 * Sends the authorization server a signed command.
 * @param command a compact JWS
 * @returns what the authorization server did with it, or `no_answer`
 * @throws SallyportError `command_answer_invalid`: what came back is no answer to a command
 */
export async function sendCommand(
  messaging: Pick<Requests, 'request'>,
  { subject, command, timeoutMs }: { subject: string; command: string; timeoutMs: number },
): Promise<CommandAnswer['outcome'] | 'no_answer'> {
  let answer: unknown;
  try {
    answer = await messaging.request(subject, { command }, { timeoutMs });
  } catch (error) {
    if (error instanceof MessagingError) return 'no_answer';
    throw error;
  }
  const parsed = CommandAnswer.safeParse(answer);
  if (parsed.success) return parsed.data.outcome;
  throw new SallyportError(
    'command_answer_invalid',
    'The authorization server answered a command with no answer to it.',
    { detail: parsed.error },
  );
}
