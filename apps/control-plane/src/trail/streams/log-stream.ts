import type { AuditEvent } from '@sallyport/audit';
import { toOcsf } from '@sallyport/audit/ocsf';
import type { ConfigurationSnapshot, DocumentOf } from '@sallyport/configuration';

type Spec = DocumentOf<'LogStream'>['spec'];
export type LogStreamFilter = NonNullable<Spec['filter']>;
/** Exactly one is there. */
export type LogStreamSinks = Spec['sink'];
export type LogStreamSinkName = keyof LogStreamSinks;

/** What is sent of an event, as a JSON object. `sequence` is its place in the trail. */
export type EventShape = (event: AuditEvent & { readonly sequence: number }) => object;

/** A `LogStream` document, or a `Webhook`, which is one in short. No two have one name. */
export interface LogStream {
  readonly kind: 'LogStream' | 'Webhook';
  readonly name: string;
  readonly filter: LogStreamFilter;
  readonly start: 'now' | 'beginning';
  readonly sinkName: LogStreamSinkName;
  readonly sink: LogStreamSinks;
  readonly shape: EventShape;
}

/** All streams there are. Where a `Webhook` from before has the name of a `LogStream`, the `LogStream` counts. */
export function logStreamsOf(snapshot: Pick<ConfigurationSnapshot, 'all'>): ReadonlyMap<string, LogStream> {
  const streams = [...snapshot.all('Webhook').map(ofWebhook), ...snapshot.all('LogStream').map(ofDocument)];
  return new Map(streams.map((stream) => [stream.name, stream]));
}

function ofDocument({ name, spec }: DocumentOf<'LogStream'>): LogStream {
  const { filter = {}, start, sink } = spec;
  const [sinkName = 'stdout'] = (Object.keys(sink) as LogStreamSinkName[]).filter((one) => sink[one] !== undefined);
  return { kind: 'LogStream', name, filter, start, sinkName, sink, shape: shapeOf(spec.shape) };
}

/** OCSF in the version that the document names, or the event as the API has it. */
export const shapeOf = (shape: Spec['shape']): EventShape =>
  shape === 'native' ? (event) => event : (event) => toOcsf(event, shape.ocsf);

function ofWebhook({ name, spec: { url, events, signingSecret } }: DocumentOf<'Webhook'>): LogStream {
  const sink = { webhook: { url, signingSecret } };
  return { kind: 'Webhook', name, filter: { types: events }, start: 'now', sinkName: 'webhook', sink, shape: inShort };
}

/** Whom and what it is about, and its details beside these. */
const inShort: EventShape = ({ userId, server, detail }) => ({
  ...(userId !== undefined && { userId }),
  ...(server !== undefined && { server }),
  ...detail,
});
