import type { DocumentOf } from '@sallyport/configuration';
import type { VerifyContext } from '../context.js';
import { failed, look, passed, warned, type Check, type Finding } from '../step.js';

/** Whether documents lead from a sign-in to each server at all; who in particular gets there is for `explain`. */
export function checkCallPath({ documents }: Pick<VerifyContext, 'documents'>): Check[] {
  const all = documents();
  const policies = all.all('AccessPolicy');
  const canSignIn =
    all.all('TrustProvider').length > 0 || all.all('Agent').some(({ spec }) => spec.machine !== undefined);
  return [
    look('call-path', 'sign-in', () =>
      canSignIn ? passed('Users or machine agents can sign in.') : failed('no_sign_in', 'No document lets anybody.'),
    ),
    look('call-path', 'client-to-gateway', () => {
      const count = policies.filter(({ spec }) => spec.hop === 'client-to-gateway').length;
      return count === 0 ? failed('no_policy_for_agents', 'There is none.') : passed(`${count} policies.`);
    }),
    ...all
      .all('McpServer')
      .map(({ name }) => look('call-path', `McpServer/${name}`, () => judgePolicies(name, policies))),
  ];
}

function judgePolicies(server: string, policies: readonly DocumentOf<'AccessPolicy'>[]): Finding {
  const ofServer = policies.flatMap(({ spec }) =>
    spec.hop === 'gateway-to-server' && spec.server === server ? [spec] : [],
  );
  if (ofServer.length === 0) return failed('no_policy_for_server', 'No policy names it.');
  const offers = ofServer.some(({ tools, resources, prompts }) => tools.length + resources.length + prompts.length > 0);
  if (!offers) return warned('policy_offers_nothing', `${ofServer.length} policies, which name nothing of it.`);
  return passed(`${ofServer.length} policies.`);
}
