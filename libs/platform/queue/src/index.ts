/**
 * Background jobs behind one small port, on Redis or on PostgreSQL (BullMQ on both). Jobs are hints that may be lost or
 * come twice: what must survive is in a table, and the jobs are made from it again. A job's data holds ids only,
 * never a secret, since queues keep failures for people to read.
 */
export { createQueueBackend } from './create-queue-backend.js';
export type { QueueBackendOptions } from './create-queue-backend.js';
export { queueContract } from './queue.contract.js';
export type { Again, JobHandler, JobQueue, JobWorker, QueueBackend } from './queue-backend.js';
