import { OPERATOR, TRAIL } from './trouble.js';
import type { Entries } from './trouble.js';

/** Refusals about the server, the tool, or the account that a request is for. */
export const OPERATION_REFUSALS = {
  'unknown-server': [
    {
      sample: { type: 'unknown-server' },
      because: '`/mcp/<server>` names no McpServer, or one that no policy opens to this user through this agent.',
      fix: 'Correct the name; else see the policies with `server:` of that name.',
    },
  ],
  'unknown-tool': [
    {
      sample: { type: 'unknown-tool', name: 'tracker__delete' },
      because:
        'No such tool; or a policy does not give it to this user: no rule matches, a role or scope is ' +
        'missing, its definition is not approved. The agent is told no more (S15).',
      fix:
        `${TRAIL} \`unknown-tool:role_missing\` and the like mean that it is there. Warnings at the start name ` +
        'scopes that no role gives.',
    },
  ],
  'unknown-prompt': [
    {
      sample: { type: 'unknown-prompt', name: 'tracker__triage' },
      because: 'As with tools: absent, or not given to this user.',
      fix: TRAIL,
    },
  ],
  'unknown-resource': [
    {
      sample: { type: 'unknown-resource', uri: 'x' },
      because: 'As with tools: absent, or not given to this user.',
      fix: TRAIL,
    },
  ],
  'uri-not-normal': [
    {
      sample: { type: 'uri-not-normal', part: 'path', normal: 'note://b' },
      because: 'The same resource can be written in several ways, and another way could get round a rule.',
      fix: 'Write the URI as the message gives it; [policies](policies.md).',
    },
  ],
  'unknown-task': [
    {
      sample: { type: 'unknown-task' },
      because: "The task is another caller's, was altered, or is not allowed any more.",
      fix: TRAIL,
    },
  ],
  'credential-refused': [
    {
      words: 'A sentence about the authorization server of a server',
      sample: { type: 'credential-refused', message: '' },
      because: 'Policy allows the call, but the provider of the credential gives none.',
      fix: "As the sentence says; `GET /v1/credential-providers` has the reason and the provider's own words.",
    },
  ],
  'insufficient-scope': [
    {
      sample: { type: 'insufficient-scope', requiredScopes: ['notes.write'], missing: ['notes.write'] },
      because: "The token lacks a scope that the user's roles give.",
      fix: 'Let the agent ask for it: it opens a browser, or is connected anew.',
    },
  ],
  'connect-required': [
    {
      sample: {
        type: 'connect-required',
        server: 'notes',
        title: 'Notes',
        url: 'https://…/connect/…',
        message: 'Connect your notes account to continue.',
        requestState: '',
      },
      because:
        'The user has no account connected at this server, it must be connected again, or this agent may not ' +
        'use it yet.',
      fix: 'Open the link in a browser. It is good for 15 minutes, for this user alone.',
    },
  ],
  'connect-declined': [
    {
      sample: { type: 'connect-declined', title: 'Notes' },
      because: 'The user said no in the agent.',
      fix: 'Call again, and open the link.',
    },
  ],
  'missing-capability': [
    {
      sample: { type: 'missing-capability', required: {} },
      because: 'The server asks the user something the agent cannot show.',
      fix: 'Use an agent that declares the capability.',
    },
  ],
  'visit-required': [
    {
      sample: { type: 'visit-required', visits: [] },
      because: 'The server sends the user to a page of its own first.',
      fix: 'Open the page, and call again.',
    },
  ],
  'server-error': [
    {
      words: 'Any other code and message',
      sample: { type: 'server-error', code: -32000, message: '' },
      because: "They are the server's own, passed on as they came.",
      fix: OPERATOR,
    },
  ],
} satisfies Partial<Entries>;
