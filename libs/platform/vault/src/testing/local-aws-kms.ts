import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { constantTimeEqual } from '@sallyport/kernel';
import { createAwsKmsWrapper } from '../kms/aws-kms-wrapper.js';
import { calm, listener, listenLocally, LocalKeys, type LocalKms } from './local-keys.js';

const REGION = 'eu-central-1';
const arnOf = (key: string) => `arn:aws:kms:${REGION}:111122223333:key/${key}`;
const credentials = { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'local-secret-access-key' };

/** AWS KMS: JSON 1.1, `x-amz-target`, Signature Version 4 over every request. */
export async function startLocalAwsKms(): Promise<LocalKms> {
  const keys = new LocalKeys();
  for (const key of ['first', 'second']) keys.add(arnOf(key));
  const behaviour = calm();
  const server = await listenLocally(
    listener((request, body, answer) => {
      const fail = (status: number, type: string) =>
        answer(
          status,
          { __type: type, message: `internal words about ${type}` },
          { 'x-amzn-requestid': 'r-1', 'content-type': 'application/x-amz-json-1.1' },
        );
      const target = String(request.headers['x-amz-target']);
      if (behaviour.isBroken) return fail(500, 'KMSInternalException');
      if (behaviour.throttled > 0) {
        behaviour.throttled -= 1;
        return fail(400, 'ThrottlingException');
      }
      const problem = signatureProblem(request, body);
      if (problem) return fail(400, problem);
      behaviour.authenticated += 1;
      if (behaviour.isForbidden) return fail(400, 'AccessDeniedException');
      const input = JSON.parse(body) as {
        KeyId: string;
        Plaintext?: string;
        CiphertextBlob?: string;
        EncryptionContext?: Record<string, string>;
      };
      if (!keys.has(input.KeyId)) return fail(400, 'NotFoundException');
      if (behaviour.isDisabled) return fail(400, 'DisabledException');
      const aad = Buffer.from(
        JSON.stringify(
          Object.entries(input.EncryptionContext ?? {}).toSorted(([one], [other]) => (one < other ? -1 : 1)),
        ),
      );
      // The blob names its key: another KeyId is told apart from an altered blob.
      const marked = (arn: string) => createHash('sha256').update(arn).digest().subarray(0, 8);
      if (target === 'TrentService.Encrypt') {
        const blob = Buffer.concat([
          marked(input.KeyId),
          keys.seal(input.KeyId, Buffer.from(input.Plaintext ?? '', 'base64'), aad),
        ]);
        return answer(200, {
          KeyId: input.KeyId,
          CiphertextBlob: blob.toString('base64'),
          EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
        });
      }
      if (target !== 'TrentService.Decrypt') return fail(400, 'UnknownOperationException');
      const blob = Buffer.from(input.CiphertextBlob ?? '', 'base64');
      if (!blob.subarray(0, 8).equals(marked(input.KeyId))) return fail(400, 'IncorrectKeyException');
      const plaintext = keys.open(input.KeyId, blob.subarray(8), aad);
      if (!plaintext) return fail(400, 'InvalidCiphertextException');
      answer(200, {
        KeyId: input.KeyId,
        Plaintext: plaintext.toString('base64'),
        EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      });
    }),
  );
  const wrapper = (key: string, secretAccessKey = credentials.secretAccessKey) =>
    createAwsKmsWrapper(`aws-kms:${arnOf(key)}`, arnOf(key), {
      endpoint: server.origin,
      credentials: { ...credentials, secretAccessKey },
    });
  return {
    wrapper: (key = 'first') => wrapper(key),
    stranger: () => wrapper('first', 'another-secret'),
    behaviour,
    stop: () => server.stop(),
  };
}

/** Signature Version 4, as AWS describes it: made again from what was received and the secret. */
function signatureProblem(request: IncomingMessage, body: string): string | undefined {
  const header =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (!header) return 'MissingAuthenticationTokenException';
  const [, keyId, date = '', region = '', signedHeaders = '', signature = ''] = header;
  if (keyId !== credentials.accessKeyId || region !== REGION) return 'UnrecognizedClientException';
  const time = String(request.headers['x-amz-date']);
  if (
    !time.startsWith(date) ||
    !['host', 'x-amz-date', 'x-amz-target'].every((name) => signedHeaders.split(';').includes(name))
  )
    return 'InvalidSignatureException';
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const headers = signedHeaders
    .split(';')
    .map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
    .join('');
  const canonical = ['POST', request.url, '', headers, signedHeaders, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, `${date}/${region}/kms/aws4_request`, sha256(canonical)].join('\n');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const key = ['kms', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${credentials.secretAccessKey}`, date), region));
  return constantTimeEqual(hmac(key, toSign).toString('hex'), signature) ? undefined : 'InvalidSignatureException';
}
