import { Traced } from '@sallyport/messages';
import { inSpan } from '@sallyport/telemetry';
import type { Tracer } from '@sallyport/telemetry';
import type { Messaging } from './ports.js';

/**
 * The same bus, with a span around each request and around each answer. The asker's span is the parent of the answer's:
 * the request says so beside its own fields, as it says how long its asker waits. What is asked in
 * the background is in no trace. Without a tracer the bus itself.
 */
export function traceRequests(bus: Messaging, tracer: Tracer | undefined): Messaging {
  if (tracer === undefined) return bus;
  const attributesOf = (subject: string) => ({
    'messaging.system': bus.kind === 'nats' ? 'nats' : 'in_process',
    'messaging.destination.name': subject,
  });
  return {
    ...bus,
    request: (subject, payload, options) => {
      if (!tracer.isInSpan()) return bus.request(subject, payload, options);
      const start = { name: `request ${subject}`, kind: 'client', attributes: attributesOf(subject) } as const;
      return inSpan(tracer, start, (span) =>
        bus.request(subject, { ...payload, traceparent: span?.traceparent }, options),
      );
    },
    serve: (subject, handler) =>
      bus.serve(subject, (payload) => {
        const parent = Traced.safeParse(payload).data?.traceparent;
        if (parent === undefined) return handler(payload);
        const start = { name: `answer ${subject}`, kind: 'server', attributes: attributesOf(subject), parent } as const;
        return inSpan(tracer, start, async () => await handler(payload));
      }),
  };
}
