import type { ConnectHealth } from '../../credentials/connect/connect-health-store.js';
import type { KnownHealth } from '@sallyport/connection/refresh';
import type { DocumentOf } from '@sallyport/configuration';
import type { VerifyContext } from '../context.js';
import { failed, passed, skipped, warned, type Check, type Finding } from '../step.js';

interface Healths {
  readonly refreshes: readonly KnownHealth[];
  readonly connects: readonly ConnectHealth[];
}

/** Each credential provider, by how it has been answering. It is asked nothing anew: that could cost a grant. */
export function checkCredentialProviders(context: VerifyContext): Check[] {
  const healths = once(async (): Promise<Healths> => {
    const [{ providers: refreshes }, connects] = await Promise.all([
      context.providerHealth.list(),
      context.connectHealth.list(),
    ]);
    return { refreshes, connects };
  });
  return context
    .documents()
    .all('CredentialProvider')
    .map((provider) => ({
      step: 'credential-provider',
      subject: `CredentialProvider/${provider.name}`,
      run: async () => {
        const known = await healths().catch(() => undefined);
        if (known === undefined) return skipped('depends_on_another', 'See database.');
        const findings = [...judge(provider.name, known), ...(await judgeSharedAccount(provider, context))];
        return findings.length > 0 ? findings : passed('Nothing failed lately.');
      },
    }));
}

function judge(name: string, { refreshes, connects }: Healths): Finding[] {
  const ofRefreshes = refreshes
    .filter(({ credentialProvider }) => credentialProvider === name)
    .map(({ reason, error, description, pausedSince, failures }) => {
      const said = [reason, error, description].filter((word) => word !== null && word !== '').join(': ');
      if (reason === 'client_refused') return failed('client_refused', said);
      return pausedSince === null
        ? warned('provider_failing', `${failures} in a row; ${said}`)
        : failed('provider_paused', `Since ${new Date(pausedSince).toISOString()}; ${said}`);
    });
  const ofConnects = connects
    .filter(({ credentialProvider }) => credentialProvider === name)
    .map(({ reason, said, failures }) => warned('connecting_fails', `${failures} in a row; ${reason} ${said ?? ''}`));
  return [...ofRefreshes, ...ofConnects];
}

async function judgeSharedAccount(
  { name, spec }: DocumentOf<'CredentialProvider'>,
  { database }: VerifyContext,
): Promise<Finding[]> {
  if (spec.type !== 'oauth-shared') return [];
  const found = await database.connection.findFirst({
    where: { userId: null, credentialProvider: name },
    select: { state: true },
  });
  if (found?.state === 'connected') return [];
  return [failed('shared_account_missing', found === null ? 'None was connected.' : `It is ${found.state}.`)];
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= work());
}
