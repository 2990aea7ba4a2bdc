import { gatewaySwitches, networkSwitches, publicSwitches, watchSwitches } from './cluster-switches.js';
import { connectionSwitches, keyFileSwitches } from './connection-switches.js';
import { all, withPages, services, POD, container, variable, inEach, type Shown, type Switch } from './switch.js';

function serviceSwitches(key: string, service: string): Record<string, Switch> {
  const set = `StatefulSet/${service}`;
  const hasPages = service !== 'token-refresh-worker';
  return {
    [`${key}.image.repository`]: { to: 'mine/it', shows: [[set, `${container(service)}/image`, 'mine/it:0.1.0']] },
    [`${key}.image.tag`]: { to: '9', shows: [[set, `${container(service)}/image`, `sallyport/${service}:9`]] },
    [`${key}.replicas`]: { to: 5, shows: [[set, '/spec/replicas', 5]] },
    [`${key}.settings`]: {
      to: { SALLYPORT_STALENESS_BOUND: '2m' },
      shows: [variable(service, 'SALLYPORT_STALENESS_BOUND', '2m')],
    },
    [`${key}.resources`]: {
      to: { limits: { memory: '3Gi' } },
      shows: [[set, `${container(service)}/resources/limits/memory`, '3Gi']],
    },
    [`${key}.podDisruptionBudget.enabled`]: { to: false, drops: [`PodDisruptionBudget/${service}`] },
    [`${key}.podDisruptionBudget.maxUnavailable`]: {
      to: '40%',
      shows: [[`PodDisruptionBudget/${service}`, '/spec/maxUnavailable', '40%']],
    },
    [`${key}.serviceAccount.create`]: {
      to: false,
      shows: [[set, `${POD}/serviceAccountName`, 'default']],
      drops: [`ServiceAccount/${service}`],
    },
    [`${key}.serviceAccount.name`]: {
      to: 'mine',
      shows: [[set, `${POD}/serviceAccountName`, 'mine']],
      makes: ['ServiceAccount/mine'],
    },
    [`${key}.serviceAccount.annotations`]: {
      to: { role: 'kms' },
      shows: [[`ServiceAccount/${service}`, '/metadata/annotations', { role: 'kms' }]],
    },
    [`${key}.pod`]: {
      to: { priorityClassName: 'high', extraEnv: [{ name: 'MINE', value: 'x' }] },
      beside: { pods: { extraEnv: [{ name: 'OURS', value: 'y' }] } },
      shows: [[set, `${POD}/priorityClassName`, 'high'], variable(service, 'MINE', 'x')],
    },
    ...(hasPages && {
      [`${key}.service.type`]: { to: 'LoadBalancer', shows: [[`Service/${service}`, '/spec/type', 'LoadBalancer']] },
      [`${key}.service.port`]: { to: 8080, shows: [[`Service/${service}`, '/spec/ports/0/port', 8080]] },
      [`${key}.service.annotations`]: {
        to: { a: 'b' },
        shows: [[`Service/${service}`, '/metadata/annotations', { a: 'b' }]],
      },
    }),
    [`nats.seeds.${key}.existingSecret`]: {
      to: 'mine',
      shows: [[set, `${POD}/volumes/replica-seeds/secret/secretName`, 'mine']],
    },
    [`nats.seeds.${key}.suffix`]: {
      to: '.nk',
      shows: [[set, `${container(service)}/volumeMounts/replica-seeds/subPathExpr`, '$(SALLYPORT_REPLICA).nk']],
    },
  };
}

/** What `pods` gives to all four. */
const podSwitches: Record<string, Switch> = {
  'pods.annotations': { to: { a: 'b' }, shows: inEach('/spec/template/metadata/annotations/a', 'b') },
  'pods.labels': { to: { a: 'b' }, shows: inEach('/spec/template/metadata/labels/a', 'b') },
  'pods.nodeSelector': { to: { disk: 'ssd' }, shows: inEach(`${POD}/nodeSelector`, { disk: 'ssd' }) },
  'pods.tolerations': { to: [{ key: 'k' }], shows: inEach(`${POD}/tolerations`, [{ key: 'k' }]) },
  'pods.affinity': { to: { nodeAffinity: {} }, shows: inEach(`${POD}/affinity`, { nodeAffinity: {} }) },
  'pods.priorityClassName': { to: 'high', shows: inEach(`${POD}/priorityClassName`, 'high') },
  'pods.extraEnv': {
    to: [{ name: 'A', value: 'b' }],
    shows: all.map((service) => variable(service, 'A', 'b')),
  },
  'pods.extraVolumes': {
    to: [{ name: 'more', emptyDir: {} }],
    shows: inEach(`${POD}/volumes/more`, { name: 'more', emptyDir: {} }),
  },
  'pods.extraVolumeMounts': {
    to: [{ name: 'more', mountPath: '/more' }],
    shows: all.map((service) => [
      `StatefulSet/${service}`,
      `${container(service)}/volumeMounts/more/mountPath`,
      '/more',
    ]),
  },
  'pods.terminationGracePeriodSeconds': { to: 90, shows: inEach(`${POD}/terminationGracePeriodSeconds`, 90) },
  podSecurityContext: { to: { runAsUser: 20_000 }, shows: inEach(`${POD}/securityContext/runAsUser`, 20_000) },
  'topologySpread.enabled': { to: false, shows: inEach(`${POD}/topologySpreadConstraints`, undefined) },
  'topologySpread.topologyKeys': {
    to: ['rack'],
    shows: inEach(`${POD}/topologySpreadConstraints/0/topologyKey`, 'rack'),
  },
  'topologySpread.whenUnsatisfiable': {
    to: 'DoNotSchedule',
    shows: inEach(`${POD}/topologySpreadConstraints/1/whenUnsatisfiable`, 'DoNotSchedule'),
  },
};

const generalSwitches: Record<string, Switch> = {
  nameOverride: { to: 'mcp', makes: ['StatefulSet/mcp-gateway'], drops: ['StatefulSet/gateway'] },
  fullnameOverride: { to: 'mcp', makes: ['StatefulSet/mcp-gateway'], drops: ['StatefulSet/gateway'] },
  'image.registry': {
    to: 'registry.example.com/',
    shows: [
      ...all.map((service): Shown => [
        `StatefulSet/${service}`,
        `${container(service)}/image`,
        `registry.example.com/sallyport/${service}:0.1.0`,
      ]),
      ['Job/migration', `${POD}/containers/migration/image`, 'registry.example.com/sallyport/control-plane:0.1.0'],
      ['Pod/test', '/spec/containers/verify/image', 'registry.example.com/sallyport/control-plane:0.1.0'],
    ],
  },
  'image.tag': {
    to: '1.2.3@sha256:00',
    shows: [['StatefulSet/gateway', `${container('gateway')}/image`, 'sallyport/gateway:1.2.3@sha256:00']],
  },
  'image.pullPolicy': {
    to: 'Always',
    shows: all.map((service) => [`StatefulSet/${service}`, `${container(service)}/imagePullPolicy`, 'Always']),
  },
  'image.pullSecrets': { to: ['mine'], shows: inEach(`${POD}/imagePullSecrets`, [{ name: 'mine' }]) },
  'urls.gateway': {
    to: 'https://other.example.com',
    shows: withPages.map((service) => variable(service, 'SALLYPORT_GATEWAY_URL', 'https://other.example.com')),
  },
  'urls.issuer': {
    to: 'https://other.example.com',
    shows: withPages.map((service) => variable(service, 'SALLYPORT_ISSUER', 'https://other.example.com')),
  },
  'urls.controlPlane': {
    to: 'https://other.example.com',
    shows: [
      ...['authorization-server', 'control-plane'].map((service) =>
        variable(service, 'SALLYPORT_CONTROL_PLANE_URL', 'https://other.example.com'),
      ),
      ['Pod/test', '/spec/containers/verify/env/SALLYPORT_URL/value', 'https://other.example.com'],
    ],
  },
  'configuration.existingConfigMap': {
    to: 'mine',
    shows: [
      ['StatefulSet/control-plane', `${POD}/volumes/configuration/configMap/name`, 'mine'],
      variable('control-plane', 'SALLYPORT_CONFIGURATION_FILE', '/etc/sallyport/sallyport.yaml'),
    ],
  },
  'configuration.key': {
    to: 'all.yaml',
    beside: { configuration: { existingConfigMap: 'mine' } },
    shows: [
      [
        'StatefulSet/control-plane',
        `${POD}/volumes/configuration/configMap/items`,
        [{ key: 'all.yaml', path: 'sallyport.yaml' }],
      ],
    ],
  },
  'configuration.documents': {
    to: 'kind: Role\n',
    makes: ['ConfigMap/configuration'],
    shows: [
      ['ConfigMap/configuration', '/data/sallyport.yaml', 'kind: Role\n'],
      ['StatefulSet/control-plane', `${POD}/volumes/configuration/configMap/name`, 'sallyport-configuration'],
    ],
  },
  'configuration.existingSecret': {
    to: 'mine',
    shows: [
      ['StatefulSet/control-plane', `${POD}/volumes/documents/secret/secretName`, 'mine'],
      [
        'StatefulSet/control-plane',
        `${container('control-plane')}/volumeMounts/documents/mountPath`,
        '/run/sallyport/documents',
      ],
    ],
  },
  trustedProxies: {
    to: ['10.0.0.0/8', '::1'],
    shows: withPages.map((service) => variable(service, 'SALLYPORT_TRUSTED_PROXIES', '10.0.0.0/8,::1')),
  },
  listenAddress: {
    to: '::',
    shows: [
      ...all.map((service) => variable(service, 'SALLYPORT_HEALTH_HOST', '::')),
      ...withPages.map((service) => variable(service, 'SALLYPORT_HOST', '::')),
    ],
  },
  logLevel: { to: 'debug', shows: all.map((service) => variable(service, 'SALLYPORT_LOG_LEVEL', 'debug')) },
  extraObjects: {
    to: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-more' } }],
    makes: ['ConfigMap/more'],
  },
  patches: {
    to: {
      'gateway-service': [
        { op: 'add', path: '/metadata/annotations', value: { 'a/b': '1' } },
        { op: 'replace', path: '/metadata/annotations/a~1b', value: '2' },
        { op: 'add', path: '/spec/ports/-', value: { name: 'more', port: 81 } },
        { op: 'replace', path: '/spec/ports/0/port', value: 8080 },
        { op: 'remove', path: '/spec/type' },
      ],
    },
    shows: [
      ['Service/gateway', '/metadata/annotations', { 'a/b': '2' }],
      ['Service/gateway', '/spec/ports/1', { name: 'more', port: 81 }],
      ['Service/gateway', '/spec/ports/0/port', 8080],
      ['Service/gateway', '/spec/type', undefined],
    ],
  },
};

/** Every value of the chart by its name. */
export const switches: Readonly<Record<string, Switch>> = {
  ...generalSwitches,
  ...podSwitches,
  ...connectionSwitches,
  ...keyFileSwitches,
  ...Object.entries(services).reduce<Record<string, Switch>>(
    (before, [key, service]) => ({ ...before, ...serviceSwitches(key, service) }),
    {},
  ),
  ...gatewaySwitches,
  ...networkSwitches,
  ...publicSwitches,
  ...watchSwitches,
};
