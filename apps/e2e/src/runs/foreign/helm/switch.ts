import type { Values } from './render-chart.js';

/** What is seen of a value in what Helm renders. */
export interface Switch {
  /** What it is set to, beside the least values. */
  readonly to: unknown;
  /** What has to be set for it to count. */
  readonly beside?: Values;
  /** Resource, JSON pointer into it, and what is there then and not before. */
  readonly shows?: readonly (readonly [resource: string, pointer: string, value: unknown])[];
  /** Resources that are there then and not before. */
  readonly makes?: readonly string[];
  /** Resources that were there and are not then. */
  readonly drops?: readonly string[];
}

export type Shown = NonNullable<Switch['shows']>[number];

export const POD = '/spec/template/spec';
export const services = {
  gateway: 'gateway',
  authorizationServer: 'authorization-server',
  controlPlane: 'control-plane',
  tokenRefreshWorker: 'token-refresh-worker',
};
export const all = Object.values(services);
export const withPages = all.slice(0, 3);
export const withVault = all.slice(1);

export const container = (service: string) => `${POD}/containers/${service}`;
export const variable = (service: string, name: string, value: unknown): Shown => [
  `StatefulSet/${service}`,
  `${container(service)}/env/${name}/value`,
  value,
];
export const inEach = (pointer: string, value: unknown, of = all): Shown[] =>
  of.map((service) => [`StatefulSet/${service}`, pointer, value]);
export const fromSecret = (key: string, name: string) => ({ secretKeyRef: { key, name } });
export const keySource = (index: number) => `${POD}/volumes/keys/projected/sources/${index}/secret`;
