import { cleanText, quotedName } from '@sallyport/kernel';
import { alert, facts, html } from '@sallyport/pages';
import type { DevicePages, DeviceProblem } from '../engine/device-codes.js';
import { busyWords } from './busy-page.js';
import { messagePage } from './message-pages.js';

const MAX_ADDRESS = 64;

const WORDS: Readonly<Record<DeviceProblem, string>> = {
  'no-code': 'Enter the code that your terminal shows.',
  unknown: 'There is no such code. Look at your terminal again.',
  expired: 'This code has expired. Start again in your terminal, and enter the new one.',
  used: 'This code was used before. If it was not by you, start again in your terminal.',
  refused: 'Nothing was granted. You can close this page.',
  other: 'This did not work. Enter the code again, or start again in your terminal.',
};

/** Signing in for a terminal that has no browser (RFC 8628 section 3.3): the code, and once more before anything. */
export const devicePages: DevicePages = {
  input: ({ formToken, problem }) => ({
    title: 'Sign in for a terminal',
    body: html`${alert(problem && WORDS[problem])}
<p>Enter the code that your terminal shows. If somebody else gave you a code, close this page: it would let them in.</p>
<form method="post" action="/device">
<input type="hidden" name="xsrf" value="${formToken}">
<label>Code <input type="text" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false"
maxlength="16" required></label>
<button class="primary" type="submit">Continue</button>
</form>`,
  }),
  confirm: ({ formToken, userCode, clientName, address }) => ({
    title: `Is this the code of your terminal?`,
    body: html`${facts(
      ['Code', userCode],
      ['Signs in', quotedName(clientName)],
      address !== undefined && ['Started from', cleanText(address, MAX_ADDRESS)],
    )}
<p class="warning">Continue only if you have started this yourself, and your own terminal shows exactly this code.</p>
<form method="post" action="/device">
<input type="hidden" name="xsrf" value="${formToken}">
<input type="hidden" name="user_code" value="${userCode}">
<button class="primary" type="submit" name="confirm" value="yes">Continue</button>
<button type="submit" name="abort" value="yes">This is not mine</button>
</form>`,
  }),
  busy: (isCommon) => messagePage('Too many requests', busyWords(isCommon)),
  done: messagePage('You are signed in', 'Your terminal goes on by itself. You can close this page.'),
};
