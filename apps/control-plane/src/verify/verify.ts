import type { Answered, VerifyStep } from '@sallyport/admin-api';
import { checkAuthorizationServer } from './checks/check-authorization-server.js';
import { checkCallPath } from './checks/check-call-path.js';
import { checkCredentialProviders } from './checks/check-credential-providers.js';
import { checkFoundation } from './checks/check-foundation.js';
import { checkGateway } from './checks/check-gateway.js';
import { checkReplicas } from './checks/check-replicas.js';
import { checkServers } from './checks/check-servers.js';
import { checkTrustProviders } from './checks/check-trust-provider.js';
import type { VerifyContext } from './context.js';
import { checkHardening } from './hardening/check-hardening.js';
import { runChecks } from './run-checks.js';

export type Verified = Answered<'verify'>;

/** A person waits: everything together takes less than half a minute, whatever does not answer. */
const LIMITS = { perCheckMs: 12_000, totalMs: 15_000, atOnce: 32 };
const NEWEST_MS = 2_000;

/** Looks at the whole deployment. Nothing is changed: not here, and not at anybody else's. */
export async function verify(context: VerifyContext, what: 'working' | 'hardening'): Promise<Verified> {
  const begun = performance.now();
  const checks = what === 'hardening' ? checkHardening(context) : await checkWorking(context);
  const steps = await runChecks(checks, {
    ...LIMITS,
    onFailed: ({ step, subject }, err) => context.logger.error({ err, step, subject }, 'a check of verify failed'),
  });
  const count = (wanted: VerifyStep['status']) => steps.filter(({ status }) => status === wanted).length;
  return {
    at: new Date(context.clock()).toISOString(),
    tookMs: Math.round(performance.now() - begun),
    counts: { passed: count('passed'), failed: count('failed'), warned: count('warned'), skipped: count('skipped') },
    steps,
  };
}

async function checkWorking(context: VerifyContext) {
  const newest = await newestRevision(context);
  return [
    ...checkFoundation(context),
    ...checkReplicas(context, newest),
    ...checkAuthorizationServer(context),
    ...checkGateway(context),
    ...checkTrustProviders(context),
    ...checkCredentialProviders(context),
    ...checkServers(context),
    ...checkCallPath(context),
  ];
}

async function newestRevision({ revisions }: VerifyContext) {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), NEWEST_MS);
  });
  return await Promise.race([revisions.newest().catch(() => undefined), late]).finally(() => clearTimeout(timer));
}
