import type { Values } from './render-chart.js';

/** Values that Helm must not take, beside the least ones, and what it says. */
export const refusals: readonly { readonly title: string; readonly values: Values; readonly says: RegExp }[] = [
  { title: 'a typo', values: { gatway: { replicas: 3 } }, says: /'gatway' not allowed/ },
  { title: 'a typo inside', values: { gateway: { replica: 3 } }, says: /'replica' not allowed/ },
  { title: 'a typo in a key', values: { keys: { master: { secret: 'a' } } }, says: /'secret' not allowed/ },
  {
    title: 'a setting that the service does not have',
    values: { gateway: { settings: { SALLYPORT_EVENT_RETENTION: '9d' } } },
    says: /'SALLYPORT_EVENT_RETENTION' not allowed/,
  },
  {
    title: 'a setting that the chart makes itself',
    values: { gateway: { settings: { SALLYPORT_REPLICA: 'mine' } } },
    says: /'SALLYPORT_REPLICA' not allowed/,
  },
  {
    title: 'a typo of a pod',
    values: { controlPlane: { pod: { nodeselector: {} } } },
    says: /'nodeselector' not allowed/,
  },
  { title: 'a resource that is not the chart’s', values: { patches: { gateway: [] } }, says: /'gateway' not allowed/ },
  {
    title: 'a patch of what is not there',
    values: { patches: { 'gateway-service': [{ op: 'replace', path: '/spec/typo', value: 1 }] } },
    says: /patches\.gateway-service: replace \/spec\/typo: there is no "typo"/,
  },
  {
    title: 'a patch behind the end of a list',
    values: { patches: { 'gateway-service': [{ op: 'remove', path: '/spec/ports/7' }] } },
    says: /the list ends before 7/,
  },
  { title: 'no address of the gateway', values: { urls: { gateway: '' } }, says: /urls\.gateway is required/ },
  {
    title: 'an address with a path',
    values: { urls: { gateway: 'https://a.example.com/mcp' } },
    says: /urls\/gateway/,
  },
  { title: 'no issuer', values: { urls: { issuer: '' } }, says: /urls\.issuer is required/ },
  { title: 'no control plane', values: { urls: { controlPlane: '' } }, says: /urls\.controlPlane is required/ },
  { title: 'no bus', values: { nats: { url: '' } }, says: /nats\.url is required/ },
  {
    title: 'no database',
    values: { database: { urlFrom: { existingSecret: '' } } },
    says: /database\.urlFrom\.existingSecret or database\.url is required/,
  },
  {
    title: 'nothing that wraps vault keys',
    values: { keys: { master: { existingSecret: '' } } },
    says: /keys\.master\.existingSecret or vault\.keys is required/,
  },
  {
    title: 'no key of the configuration',
    values: { keys: { configurationSigning: { existingSecret: '' } } },
    says: /keys\.configurationSigning\.existingSecret is required/,
  },
  {
    title: 'documents twice',
    values: { configuration: { existingConfigMap: 'a', documents: 'b' } },
    says: /configuration\.existingConfigMap and configuration\.documents are both set/,
  },
  {
    title: 'routes to no gateway',
    values: { gatewayApi: { enabled: true } },
    says: /gatewayApi\.parentRefs is required/,
  },
  {
    title: 'a certificate of nobody',
    values: { tls: { certManager: { enabled: true } } },
    says: /tls\.certManager\.issuerRef\.name is required/,
  },
];
