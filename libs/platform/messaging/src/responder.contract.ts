import 'reflect-metadata';
import { Controller, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { subjects } from '@sallyport/messages';
import type { Messaging } from './index.js';

const SEEN = Symbol('seen');

class Responder {
  constructor(readonly seen: unknown[]) {}

  answer(payload: { fail?: boolean; slow?: boolean }): unknown {
    this.seen.push(payload);
    if (payload.fail === true) throw new Error('the vault key k1 is missing');
    if (payload.slow === true) return new Promise(() => undefined);
    return { echoed: payload, nothing: undefined };
  }
}
Controller()(Responder);
Inject(SEEN)(Responder, undefined, 0);
MessagePattern(subjects.lease)(
  Responder.prototype,
  'answer',
  Object.getOwnPropertyDescriptor(Responder.prototype, 'answer') ?? {},
);
Payload()(Responder.prototype, 'answer', 0);

class ResponderModule {}
Module({})(ResponderModule);

/** A Nest microservice that serves lease requests with an echo, fails or stays silent as the payload asks. */
export async function startResponder(
  messaging: Messaging,
  queueGroup = 'control-plane',
): Promise<{ seen: unknown[]; close: () => Promise<unknown> }> {
  const seen: unknown[] = [];
  const module = { module: ResponderModule, controllers: [Responder], providers: [{ provide: SEEN, useValue: seen }] };
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    ...messaging.server(queueGroup),
    logger: false,
  });
  await app.listen();
  return { seen, close: () => app.close() };
}
