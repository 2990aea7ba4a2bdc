import 'reflect-metadata';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { createListener } from '../create-listener.js';
import type { AppListener, ListenerOptions } from '../create-listener.js';
import { closeListener, listen } from '../listen.js';
import type { Unavailable } from '../unavailable.js';
import { PinoNestLogger } from './pino-nest-logger.js';
import { ProblemFilter } from './problem-filter.js';

export interface NestAppOptions extends ListenerOptions {
  /** Recognizes outages of a store or a bus, which get 503 instead of 500. */
  readonly unavailable?: Unavailable;
}

const listeners = new WeakMap<FastifyInstance, AppListener>();

/** The listener of an app that `createNestApp` made. @throws TypeError for any other app */
export function listenerOf(app: NestFastifyApplication): AppListener {
  const listener = listeners.get(app.getHttpAdapter().getInstance());
  if (listener === undefined) throw new TypeError('createNestApp did not make this app');
  return listener;
}

/**
 * Creates a Nest app on a listener of ours (`createListener`), with problem documents for errors (RFC 9457) and our
 * logger. `listenNestApp` starts it.
 */
export async function createNestApp(
  module: Type<unknown> | DynamicModule,
  options: NestAppOptions,
): Promise<NestFastifyApplication> {
  const { logger, unavailable } = options;
  const listener = createListener(options);
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(listener.fastify), {
    logger: new PinoNestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.useGlobalFilters(new ProblemFilter({ logger, unavailable }));
  listeners.set(listener.fastify, listener);
  return app;
}

/** As `listen`, once Nest has made its routes. */
export async function listenNestApp(
  app: NestFastifyApplication,
  at: { readonly port: number; readonly host: string },
): Promise<string> {
  await app.init();
  return await listen(listenerOf(app).fastify, at);
}

/** As `closeListener`, with Nest's own hooks. @param graceMs milliseconds */
export const closeNestApp = (app: NestFastifyApplication, graceMs?: number): Promise<void> =>
  closeListener(listenerOf(app).fastify, { graceMs, close: () => app.close() });
