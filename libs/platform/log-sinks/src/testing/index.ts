/** Receivers of the protocols, for tests: each verifies what it gets, keeps it, and can be made to fail. */
export { startHecReceiver } from './hec-receiver.js';
export type { HecReceiver } from './hec-receiver.js';
export { HttpReceiver } from './http-receiver.js';
export { startOtlpReceiver } from './otlp-receiver.js';
export { startS3Receiver } from './s3-receiver.js';
export { idOf } from './test-receiver.js';
export type { TestReceiver } from './test-receiver.js';
export { startWebhookReceiver } from './webhook-receiver.js';
