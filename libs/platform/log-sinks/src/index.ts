/**
 * Where events of the trail are sent, a file per protocol behind one interface: a batch is taken, or it is said which
 * record was refused and why, or when to come again. It keeps no cursor, repeats nothing and reads no configuration:
 * the control plane does. Requests go through what it is given, behind the outbound guard of `safe-fetch`.
 */
export { openFile } from './file-sink.js';
export type { BatchLimits, Delivered, LogSink, Severity, SinkRecord } from './log-sink.js';
export { openOtlp } from './otlp-sink.js';
export { openS3 } from './s3-sink.js';
export { openSplunkHec } from './splunk-hec-sink.js';
export { openStdout } from './stdout-sink.js';
export { openSyslog } from './syslog-sink.js';
export { openWebhook } from './webhook-sink.js';
