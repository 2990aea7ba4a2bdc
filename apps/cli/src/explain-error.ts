import { AdminApiError, AdminApiUnreachable } from '@sallyport/admin-api';
import { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-code.js';

const BY_STATUS: Readonly<Record<number, ExitCode>> = {
  400: EXIT.invalid,
  413: EXIT.invalid,
  422: EXIT.invalid,
  401: EXIT.refused,
  403: EXIT.refused,
  409: EXIT.conflict,
  412: EXIT.conflict,
};

const UNREACHABLE_ADVICE: Readonly<Record<AdminApiUnreachable['reason'], string>> = {
  refused:
    'Start the system (npm start, or sallyport start), or say where it is: --url URL, SALLYPORT_URL, or a context.',
  'unknown-host': 'Check the spelling of the address, and whether this machine resolves the name.',
  certificate: 'Name the PEM file of your certificate authority in NODE_EXTRA_CA_CERTS.',
  timeout: 'Try again; --timeout 2m waits longer. `sallyport verify` looks for the cause.',
  broken: 'Check the address and what is in between: a proxy, a firewall, http instead of https.',
};

/** By the last part of a problem's type, where that says more than its status. */
const BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  'base-moved': ['Plan again, look at it, and apply that.'],
  'owned-elsewhere': ['If these files are that set, say so (--set NAME); --take-over makes the documents yours.'],
  'would-lock-out': ['Say --force if that is meant.'],
};

/** Turns whatever ended a command into words and an exit code. What is nobody's doing stays as it is. */
export function explainError(error: unknown): unknown {
  if (error instanceof AdminApiUnreachable)
    return new CliError(EXIT.failed, `${error.message}.`, [UNREACHABLE_ADVICE[error.reason]], { cause: error });
  if (error instanceof AdminApiError) return explainAnswer(error);
  return error;
}

function explainAnswer(error: AdminApiError): CliError {
  const { status, problem } = error;
  if (problem === undefined) {
    const answered = `${error.message}.`;
    return status === 404
      ? new CliError(EXIT.failed, `The control plane has no such route: ${answered}`, [
          'It is older than this command line, or the address is not its own (on this machine: port 7402).',
        ])
      : new CliError(BY_STATUS[status] ?? EXIT.failed, `What answered is not the API of Sallyport: ${answered}`, [
          'Check --url: it is the address of the control plane.',
        ]);
  }
  const fields = (problem.errors ?? []).map(({ origin, kind, name, pointer, message }) => {
    const place = [origin, kind === undefined ? undefined : `${kind} "${name ?? ''}"`].filter(
      (one) => one !== undefined,
    );
    return `${place.length > 0 ? `${place.join(' ')}: ` : ''}${pointer} ${message}`;
  });
  return new CliError(BY_STATUS[status] ?? EXIT.failed, problem.detail ?? problem.title, [
    ...fields,
    ...(BY_TYPE[problem.type.split(':').at(-1) ?? ''] ?? adviceFor(status)),
  ]);
}

function adviceFor(status: number): string[] {
  switch (status) {
    case 401:
      return ['Sign in with `sallyport login`, or name a file with an administrator’s token: --token-file FILE.'];
    case 403:
      return ['`sallyport whoami` says which roles you have.'];
    case 429:
      return ['Wait a minute and try again.'];
    default:
      return [];
  }
}
