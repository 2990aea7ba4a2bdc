import { isPermitted, Permission, type Problem } from '@sallyport/admin-api';
import type { ApiDescription } from '@sallyport/admin-api/openapi';
import type { AdministratorRole } from '@sallyport/configuration';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { ApiRequest, Described } from './api-request.js';

/** Who asks. `role: undefined`: somebody the API does not know. */
export interface Asker {
  readonly name: string;
  readonly role: AdministratorRole | undefined;
  readonly token: string | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

type Judge = (described: Described, asker: Asker, request: ApiRequest, answer: ApiAnswer) => readonly string[];

const PROBLEM = 'application/problem+json';
/** Where an address matches no route. */
const NOWHERE: readonly number[] = [400, 404];
const API = 'https://described.example/api';

/** Makes the judge of answers: what it says of one is what is wrong with it. */
export function createJudge(api: ApiDescription): Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ ...api, $id: API });
  const problemsOfBody = (pointer: string, body: unknown): readonly string[] => {
    const validate = ajv.getSchema(`${API}#${pointer}`);
    if (validate === undefined) return [`the description has no schema at ${pointer}`];
    return validate(body) === true ? [] : [`its body is not as declared: ${ajv.errorsText(validate.errors)}`];
  };
  return (described, asker, request, answer) => {
    const access = accessProblems(described, asker, request, answer);
    if (access.length > 0) return access;
    if (isElsewhere(request, answer)) return problemProblems(answer);
    const { status } = answer;
    const declared = described.operation.responses[status];
    if (declared === undefined) return [`${status} is not declared`];
    const type = typeOf(answer);
    if (declared.content?.[type] === undefined) return [`${status} is declared, but not as ${type}`];
    const body = parsed(answer.text);
    if (body === undefined) return ['its body is not JSON'];
    const pointer = [
      'paths',
      described.template,
      described.method.toLowerCase(),
      'responses',
      String(status),
      'content',
    ];
    const isProblem = type === PROBLEM;
    return [
      ...problemsOfBody(`/${[...pointer, type, 'schema'].map(escaped).join('/')}`, body),
      ...(isProblem ? problemProblems(answer) : revisionProblems(answer)),
    ];
  };
}

const escaped = (part: string): string => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
const typeOf = ({ headers }: ApiAnswer): string => String(headers['content-type'] ?? 'nothing').split(';', 1)[0] ?? '';

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The address may match another route, or none: then the answer is none of this operation's. */
const isElsewhere = ({ isOddlyPlaced }: ApiRequest, { status }: ApiAnswer): boolean =>
  isOddlyPlaced && NOWHERE.includes(status);

/** What is wrong with who was let in: nobody learns more than that they may not (S29, S33). */
function accessProblems(
  { operation }: Described,
  { role }: Asker,
  request: ApiRequest,
  answer: ApiAnswer,
): readonly string[] {
  const { status, text } = answer;
  if (status >= 500) return [`a server error, ${status}`];
  if (isElsewhere(request, answer)) return [];
  if (role === undefined) return status === 401 ? [] : [`${status} for somebody unknown`];
  const permission = Permission.parse(operation['x-permission']);
  const body = parsed(text) as (Partial<Problem> & { readonly permission?: string }) | undefined;
  if (!isPermitted([role], permission)) {
    const isRefused = status === 403 && body?.type === 'urn:sallyport:problem:not-permitted';
    return isRefused && body.permission === permission ? [] : [`${status} for ${role}, who lacks ${permission}`];
  }
  if (status === 401) return [`401 for ${role}, who has ${permission}`];
  return status === 403 && body?.permission !== undefined ? [`403 for ${role}, who has ${permission}`] : [];
}

/** Of a refusal: RFC 9457, with a type that programs can go by. */
function problemProblems(answer: ApiAnswer): readonly string[] {
  if (typeOf(answer) !== PROBLEM) return [`${answer.status} is no problem document, but ${typeOf(answer)}`];
  const body = parsed(answer.text) as Partial<Problem> | undefined;
  const isStable = /^urn:sallyport:problem:[a-z]+(-[a-z]+)*$/.test(body?.type ?? '');
  return [
    ...(isStable ? [] : [`its problem has the type ${body?.type}`]),
    ...(body?.status === answer.status ? [] : [`its problem says ${body?.status}, and it is ${answer.status}`]),
  ];
}

const revisionProblems = ({ headers }: ApiAnswer): readonly string[] =>
  /^\d+$/.test(String(headers['sallyport-revision'])) ? [] : ['it does not say its revision'];
