/**
 * Background jobs behind one small port, on Redis or PostgreSQL (BullMQ on both). A job is a hint that may be lost or
 * arrive twice: what must survive is in a table, from which jobs are made again. A job's data is ids, never a secret,
 * since queues keep failed jobs for operators to read.
 */
export { createQueueBackend } from './create-queue-backend.js';
export type { QueueBackendOptions } from './create-queue-backend.js';
export type { Again, JobHandler, JobQueue, JobWorker, QueueBackend } from './queue-backend.js';
