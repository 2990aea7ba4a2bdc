import type { CallRecord } from '@sallyport/messages';
import type { Refusal } from './refusal.js';

/** What the record says about a refusal. */
export function factsOf(refusal: Refusal): Pick<CallRecord, 'decision' | 'reason'> {
  const status = refusal.type === 'server-unavailable' && refusal.status !== undefined ? `:${refusal.status}` : '';
  const reason = 'reason' in refusal ? `${refusal.type}:${refusal.reason}${status}` : refusal.type;
  switch (refusal.type) {
    case 'unauthenticated':
      return { decision: 'unauthenticated', reason: refusal.reason };
    case 'insufficient-scope':
      return { decision: 'step_up', reason };
    case 'connect-required':
    case 'connect-declined':
      return { decision: 'connect_required', reason };
    case 'missing-capability':
    case 'visit-required':
    case 'server-unavailable':
    case 'server-error':
    case 'credential-refused':
    case 'ended':
    case 'unrecorded':
      return { decision: 'allow', reason };
    case 'not-admitted':
    case 'denied':
    case 'unknown-server':
    case 'unknown-tool':
    case 'unknown-prompt':
    case 'unknown-resource':
    case 'unknown-task':
    case 'not-ready':
      return { decision: 'deny', reason };
    case 'http-method':
    case 'repeated-header':
    case 'body-too-large':
    case 'media-type':
    case 'not-json':
    case 'invalid-request':
    case 'envelope':
    case 'header-mismatch':
    case 'unsupported-version':
    case 'unknown-method':
    case 'invalid-params':
    case 'too-many':
    case 'too-often':
    case 'session-not-found':
    case 'session-not-ended':
    case 'uri-not-normal':
      return { decision: 'invalid', reason };
  }
}
