import { all, withPages, POD, variable, type Shown, type Switch } from './switch.js';

const autoscaled = { gateway: { autoscaling: { enabled: true } } };
const scaler = 'HorizontalPodAutoscaler/gateway';
const claim = '/spec/volumeClaimTemplates/0';

export const gatewaySwitches: Record<string, Switch> = {
  'gateway.autoscaling.enabled': {
    to: true,
    makes: [scaler],
    shows: [['StatefulSet/gateway', '/spec/replicas', undefined]],
  },
  'gateway.autoscaling.minReplicas': { to: 3, beside: autoscaled, shows: [[scaler, '/spec/minReplicas', 3]] },
  'gateway.autoscaling.maxReplicas': { to: 9, beside: autoscaled, shows: [[scaler, '/spec/maxReplicas', 9]] },
  'gateway.autoscaling.targetCPUUtilizationPercentage': {
    to: 50,
    beside: autoscaled,
    shows: [[scaler, '/spec/metrics/0/resource/target/averageUtilization', 50]],
  },
  'gateway.autoscaling.behavior': {
    to: { scaleDown: { stabilizationWindowSeconds: 600 } },
    beside: autoscaled,
    shows: [[scaler, '/spec/behavior/scaleDown/stabilizationWindowSeconds', 600]],
  },
  'gateway.workers': { to: 'auto', shows: [variable('gateway', 'SALLYPORT_GATEWAY_WORKERS', 'auto')] },
  'gateway.spool.persistent': {
    to: false,
    shows: [
      ['StatefulSet/gateway', claim, undefined],
      ['StatefulSet/gateway', `${POD}/volumes/spool`, { name: 'spool', emptyDir: { sizeLimit: '1Gi' } }],
    ],
  },
  'gateway.spool.size': {
    to: '5Gi',
    shows: [['StatefulSet/gateway', `${claim}/spec/resources/requests/storage`, '5Gi']],
  },
  'gateway.spool.storageClassName': {
    to: 'fast',
    shows: [['StatefulSet/gateway', `${claim}/spec/storageClassName`, 'fast']],
  },
  'gateway.spool.annotations': {
    to: { a: 'b' },
    shows: [['StatefulSet/gateway', `${claim}/metadata/annotations`, { a: 'b' }]],
  },
};

const peer = { podSelector: { matchLabels: { a: 'b' } } };
const policy = (service: string) => `NetworkPolicy/${service}`;

/** The rule of a policy is found by its place: names, NATS, what the service alone has, outside, what users add. */
export const networkSwitches: Record<string, Switch> = {
  'networkPolicy.enabled': { to: false, drops: [...all, 'migration', 'test'].map(policy) },
  'networkPolicy.publicFrom': {
    to: [peer],
    shows: withPages.map((service) => [policy(service), '/spec/ingress/0/from/0', peer]),
  },
  'networkPolicy.metricsFrom': {
    to: [peer],
    shows: [
      ...withPages.map((service): Shown => [policy(service), '/spec/ingress/1/from', [peer]]),
      [policy('token-refresh-worker'), '/spec/ingress/0/from', [peer]],
    ],
  },
  'networkPolicy.nats.ports': {
    to: [4333],
    shows: all.map((service) => [policy(service), '/spec/egress/1/ports/0/port', 4333]),
  },
  'networkPolicy.nats.to': {
    to: [peer],
    shows: all.map((service) => [policy(service), '/spec/egress/1/to', [peer]]),
  },
  'networkPolicy.database.ports': {
    to: [6432],
    shows: [
      [policy('authorization-server'), '/spec/egress/2/ports/0/port', 6432],
      [policy('control-plane'), '/spec/egress/3/ports/0/port', 6432],
      [policy('token-refresh-worker'), '/spec/egress/2/ports/0/port', 6432],
      [policy('migration'), '/spec/egress/1/ports/0/port', 6432],
    ],
  },
  'networkPolicy.database.to': {
    to: [peer],
    shows: [
      [policy('control-plane'), '/spec/egress/3/to', [peer]],
      [policy('migration'), '/spec/egress/1/to', [peer]],
    ],
  },
  'networkPolicy.redis.ports': {
    to: [6390],
    beside: { redis: { url: 'redis://r' } },
    shows: [[policy('token-refresh-worker'), '/spec/egress/3/ports/0/port', 6390]],
  },
  'networkPolicy.redis.to': {
    to: [peer],
    beside: { redis: { url: 'redis://r' } },
    shows: [[policy('token-refresh-worker'), '/spec/egress/3/to', [peer]]],
  },
  'networkPolicy.outside.ports': {
    to: [443, 8443],
    shows: [[policy('gateway'), '/spec/egress/3/ports/1/port', 8443]],
  },
  'networkPolicy.outside.to': { to: [peer], shows: [[policy('gateway'), '/spec/egress/3/to', [peer]]] },
  'networkPolicy.privateRanges': {
    to: ['10.0.0.0/8'],
    shows: [[policy('gateway'), '/spec/egress/3/to/0/ipBlock/except', ['10.0.0.0/8']]],
  },
  'networkPolicy.privateRanges6': {
    to: ['fd00::/8'],
    shows: [[policy('gateway'), '/spec/egress/3/to/1/ipBlock/except', ['fd00::/8']]],
  },
  'networkPolicy.extraEgress': {
    to: [{ to: [peer] }],
    shows: [[policy('gateway'), '/spec/egress/4', { to: [peer] }]],
  },
};

const withIngress = { ingress: { enabled: true } };
const withRoutes = { gatewayApi: { enabled: true, parentRefs: [{ name: 'public' }] } };
const issuer = { tls: { certManager: { enabled: true, issuerRef: { name: 'acme' } } } };

export const publicSwitches: Record<string, Switch> = {
  'ingress.enabled': {
    to: true,
    makes: withPages.map((service) => `Ingress/${service}`),
    shows: [
      ['Ingress/gateway', '/spec/rules/0/host', 'mcp.example.com'],
      ['Ingress/authorization-server', '/spec/rules/0/host', 'login.example.com'],
      ['Ingress/control-plane', '/spec/rules/0/http/paths/0/backend/service/name', 'sallyport-control-plane'],
    ],
  },
  'ingress.className': {
    to: 'nginx',
    beside: withIngress,
    shows: withPages.map((service) => [`Ingress/${service}`, '/spec/ingressClassName', 'nginx']),
  },
  'ingress.annotations': {
    to: { a: 'b' },
    beside: withIngress,
    shows: withPages.map((service) => [`Ingress/${service}`, '/metadata/annotations', { a: 'b' }]),
  },
  'ingress.gatewayAnnotations': {
    to: { a: 'b' },
    beside: withIngress,
    shows: [['Ingress/gateway', '/metadata/annotations', { a: 'b' }]],
  },
  'gatewayApi.enabled': {
    to: true,
    beside: { gatewayApi: { parentRefs: [{ name: 'public' }] } },
    makes: withPages.map((service) => `HTTPRoute/${service}`),
    shows: [['HTTPRoute/control-plane', '/spec/hostnames', ['connect.example.com']]],
  },
  'gatewayApi.parentRefs': {
    to: [{ name: 'other' }],
    beside: withRoutes,
    shows: withPages.map((service) => [`HTTPRoute/${service}`, '/spec/parentRefs', [{ name: 'other' }]]),
  },
  'gatewayApi.annotations': {
    to: { a: 'b' },
    beside: withRoutes,
    shows: withPages.map((service) => [`HTTPRoute/${service}`, '/metadata/annotations', { a: 'b' }]),
  },
  'tls.existingSecret': {
    to: 'mine',
    beside: withIngress,
    shows: [['Ingress/gateway', '/spec/tls', [{ hosts: ['mcp.example.com'], secretName: 'mine' }]]],
  },
  'tls.certManager.enabled': {
    to: true,
    beside: { ...withIngress, tls: { certManager: { issuerRef: { name: 'acme' } } } },
    makes: ['Certificate/tls'],
    shows: [
      ['Certificate/tls', '/spec/dnsNames', ['mcp.example.com', 'login.example.com', 'connect.example.com']],
      ['Ingress/gateway', '/spec/tls/0/secretName', 'sallyport-tls'],
    ],
  },
  'tls.certManager.issuerRef.name': {
    to: 'other',
    beside: issuer,
    shows: [['Certificate/tls', '/spec/issuerRef/name', 'other']],
  },
  'tls.certManager.issuerRef.kind': {
    to: 'Issuer',
    beside: issuer,
    shows: [['Certificate/tls', '/spec/issuerRef/kind', 'Issuer']],
  },
  'tls.certManager.issuerRef.group': {
    to: 'certs.example.com',
    beside: issuer,
    shows: [['Certificate/tls', '/spec/issuerRef/group', 'certs.example.com']],
  },
};

const scraped = { metrics: { serviceMonitor: { enabled: true } } };
const alerting = { metrics: { prometheusRule: { enabled: true } } };
const shown = { metrics: { dashboard: { enabled: true } } };

export const watchSwitches: Record<string, Switch> = {
  'metrics.serviceMonitor.enabled': { to: true, makes: ['ServiceMonitor/metrics'] },
  'metrics.serviceMonitor.interval': {
    to: '5s',
    beside: scraped,
    shows: [['ServiceMonitor/metrics', '/spec/endpoints/0/interval', '5s']],
  },
  'metrics.serviceMonitor.labels': {
    to: { a: 'b' },
    beside: scraped,
    shows: [['ServiceMonitor/metrics', '/metadata/labels/a', 'b']],
  },
  'metrics.prometheusRule.enabled': { to: true, makes: ['PrometheusRule/metrics'] },
  'metrics.prometheusRule.labels': {
    to: { a: 'b' },
    beside: alerting,
    shows: [['PrometheusRule/metrics', '/metadata/labels/a', 'b']],
  },
  'metrics.dashboard.enabled': { to: true, makes: ['ConfigMap/dashboard'] },
  'metrics.dashboard.labels': {
    to: { a: 'b' },
    beside: shown,
    shows: [['ConfigMap/dashboard', '/metadata/labels/a', 'b']],
  },
  'metrics.dashboard.annotations': {
    to: { a: 'b' },
    beside: shown,
    shows: [['ConfigMap/dashboard', '/metadata/annotations', { a: 'b' }]],
  },
  'test.enabled': { to: false, drops: ['Pod/test', 'NetworkPolicy/test'] },
  'test.extraEnv': {
    to: [{ name: 'A', value: 'b' }],
    shows: [['Pod/test', '/spec/containers/verify/env/A/value', 'b']],
  },
  'test.hostAliases': {
    to: [{ ip: '10.0.0.1', hostnames: ['connect.example.com'] }],
    shows: [['Pod/test', '/spec/hostAliases/0/ip', '10.0.0.1']],
  },
};
