import assert from 'node:assert/strict';
import { at, isMap, type Rendered } from './render-chart.js';

type Workload = Readonly<{ key: string; pod: unknown; labels: unknown; containers: readonly unknown[] }>;

/** Whatever runs pods, with the pod's specification. */
function workloadsOf(rendered: Rendered): Workload[] {
  return [...rendered].flatMap(([key, resource]) => {
    const isPod = key.startsWith('Pod/');
    if (!isPod && !/^(StatefulSet|Job|Deployment|DaemonSet)\//.test(key)) return [];
    const pod = at(resource, isPod ? '/spec' : '/spec/template/spec');
    const labels = at(resource, isPod ? '/metadata/labels' : '/spec/template/metadata/labels');
    return [{ key, pod, labels, containers: at(pod, '/containers') as unknown[] }];
  });
}

const names = (rendered: Rendered, kind: string) =>
  [...rendered.keys()].filter((key) => key.startsWith(`${kind}/`)).map((key) => key.slice(kind.length + 1));

const SERVICES = ['authorization-server', 'control-plane', 'gateway', 'token-refresh-worker'];

/** What holds of the chart whatever the values are. Each throws with what is wrong. */
export const rules: Readonly<Record<string, (rendered: Rendered) => void>> = {
  'no resource definitions, no Secrets, no databases of its own'(rendered) {
    const kinds = new Set([...rendered.keys()].map((key) => key.split('/')[0]));
    for (const kind of ['CustomResourceDefinition', 'Secret', 'ClusterRole', 'Role'])
      assert.ok(!kinds.has(kind), `there is a ${kind}`);
    assert.deepEqual(names(rendered, 'StatefulSet').toSorted(), SERVICES);
  },
  'all containers run without root, capabilities and a writable root, and with resources (S30)'(rendered) {
    const workloads = workloadsOf(rendered);
    assert.ok(workloads.length >= 6);
    for (const { key, pod, containers } of workloads) {
      assert.deepEqual(
        {
          isRootRefused: at(pod, '/securityContext/runAsNonRoot'),
          seccomp: at(pod, '/securityContext/seccompProfile/type'),
          token: at(pod, '/automountServiceAccountToken'),
          links: at(pod, '/enableServiceLinks'),
        },
        { isRootRefused: true, seccomp: 'RuntimeDefault', token: false, links: false },
        key,
      );
      for (const container of containers) {
        assert.deepEqual(
          at(container, '/securityContext'),
          { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          key,
        );
        for (const resource of ['requests/cpu', 'requests/memory', 'limits/memory'])
          assert.ok(at(container, `/resources/${resource}`), `${key} has no ${resource}`);
      }
    }
  },
  'each service has probes at endpoints that exist, a budget for disruptions, and a wish to be spread'(rendered) {
    for (const service of SERVICES) {
      const set = rendered.get(`StatefulSet/${service}`);
      const container = `/spec/template/spec/containers/${service}`;
      for (const [probe, path] of [
        ['livenessProbe', '/healthz'],
        ['startupProbe', '/healthz'],
        ['readinessProbe', '/readyz'],
      ])
        assert.deepEqual(at(set, `${container}/${probe}/httpGet`), { path, port: 'health' }, service);
      assert.ok(rendered.has(`PodDisruptionBudget/${service}`), service);
      assert.ok(Array.isArray(at(set, '/spec/template/spec/topologySpreadConstraints')), service);
      assert.equal(at(set, '/spec/serviceName'), `sallyport-${service}-pods`);
      assert.ok(rendered.has(`Service/${service}-pods`), service);
    }
  },
  'a replica is named by its number, and is shown its own key and seed alone'(rendered) {
    for (const service of SERVICES) {
      const container = at(rendered.get(`StatefulSet/${service}`), `/spec/template/spec/containers/${service}`);
      assert.equal(at(container, '/env/SALLYPORT_REPLICA/value'), `${service}-$(POD_INDEX)`);
      assert.equal(
        at(container, '/env/POD_INDEX/valueFrom/fieldRef/fieldPath'),
        "metadata.labels['apps.kubernetes.io/pod-index']",
      );
      const own = (
        at(container, '/volumeMounts') as { name: string; subPathExpr?: string; readOnly?: boolean }[]
      ).filter(({ name }) => name.startsWith('replica-'));
      assert.equal(own.length, service === 'gateway' ? 2 : 1);
      for (const mount of own) {
        assert.match(mount.subPathExpr ?? '', /^\$\(SALLYPORT_REPLICA\)\.[a-z]+$/);
        assert.equal(mount.readOnly, true);
      }
    }
  },
  'keys are mounted for the group alone, and no environment holds a secret (S30)'(rendered) {
    for (const { key, pod, containers } of workloadsOf(rendered)) {
      for (const volume of at(pod, '/volumes') as unknown[])
        for (const kind of ['secret', 'projected'])
          if (at(volume, `/${kind}`) !== undefined) assert.equal(at(volume, `/${kind}/defaultMode`), 0o440, key);
      for (const container of containers)
        for (const { name, value } of (at(container, '/env') ?? []) as { name: string; value?: unknown }[]) {
          if (value === undefined) continue;
          assert.ok(!/PASSWORD|SECRET|TOKEN$/.test(name), `${key} has ${name} in clear`);
          assert.doesNotMatch(JSON.stringify(value), /:\/\/[^/@]*:[^/@]*@/, `${key}: ${name} has a password in it`);
        }
    }
  },
  'a private key is where it is used and nowhere else (S26)'(rendered) {
    const itemsOf = (service: string) => {
      const sources = at(rendered.get(`StatefulSet/${service}`), '/spec/template/spec/volumes/keys/projected/sources');
      return (sources as unknown[]).flatMap((source) =>
        (at(source, '/secret/items') as { path: string }[]).map(({ path }) => path),
      );
    };
    assert.deepEqual(
      itemsOf('gateway').filter((path) => !path.includes('.pub.') && !path.startsWith('state/')),
      [],
    );
    for (const service of ['authorization-server', 'token-refresh-worker'])
      assert.deepEqual(
        itemsOf(service).filter((path) => path !== 'master.key' && !path.includes('.pub.')),
        [],
        service,
      );
    for (const path of ['configuration-signing.jwk', 'lease.jwk', 'lease-signing.jwk', 'admin-token'])
      assert.deepEqual(
        SERVICES.filter((service) => itemsOf(service).includes(path)),
        ['control-plane'],
        path,
      );
  },
  'the gateway has no way to a database, and no address or password of one'(rendered) {
    const environment = at(rendered.get('StatefulSet/gateway'), '/spec/template/spec/containers/gateway/env');
    assert.deepEqual(
      (environment as { name: string }[]).filter(({ name }) => /DATABASE|REDIS|^PG/.test(name)),
      [],
    );
    const rules = at(rendered.get('NetworkPolicy/gateway'), '/spec/egress') as { ports?: { port: number }[] }[];
    const ports = rules.flatMap((rule) => (rule.ports ?? []).map(({ port }) => port));
    assert.deepEqual(
      [5432, 6379].filter((port) => ports.includes(port)),
      [],
    );
  },
  'each pod is under a policy for both directions, and private addresses are reached only by name'(rendered) {
    const policies = [...rendered].filter(([key]) => key.startsWith('NetworkPolicy/')).map(([, policy]) => policy);
    for (const { key, labels } of workloadsOf(rendered)) {
      const mine = policies.filter((policy) => {
        const wanted = at(policy, '/spec/podSelector/matchLabels');
        return (
          isMap(wanted) && isMap(labels) && Object.entries(wanted).every(([name, value]) => labels[name] === value)
        );
      });
      assert.equal(mine.length, 1, `${key} is under ${mine.length} policies`);
      assert.deepEqual(at(mine[0], '/spec/policyTypes'), ['Ingress', 'Egress'], key);
      for (const rule of at(mine[0], '/spec/egress') as { to?: unknown[] }[])
        for (const one of rule.to ?? []) {
          const cidr = at(one, '/ipBlock/cidr');
          if (cidr === '0.0.0.0/0') assert.ok((at(one, '/ipBlock/except') as string[]).includes('10.0.0.0/8'), key);
          if (cidr === '::/0') assert.ok((at(one, '/ipBlock/except') as string[]).includes('fc00::/7'), key);
        }
    }
  },
  'the migration is a hook before all else, and helm test runs sallyport verify'(rendered) {
    const hook = (key: string) => at(rendered.get(key), '/metadata/annotations/helm.sh~1hook');
    assert.equal(hook('Job/migration'), 'pre-install,pre-upgrade');
    assert.equal(hook('NetworkPolicy/migration'), 'pre-install,pre-upgrade');
    assert.deepEqual(at(rendered.get('Job/migration'), '/spec/template/spec/containers/migration/args'), [
      'migrate.mjs',
    ]);
    assert.equal(hook('Pod/test'), 'test');
    assert.deepEqual(at(rendered.get('Pod/test'), '/spec/containers/verify/args'), [
      'cli/service/dist/main.js',
      'verify',
    ]);
  },
  'the spool of a gateway outlives its pod'(rendered) {
    const set = rendered.get('StatefulSet/gateway');
    assert.equal(at(set, '/spec/volumeClaimTemplates/0/metadata/name'), 'spool');
    assert.equal(at(set, '/spec/template/spec/containers/gateway/volumeMounts/spool/mountPath'), '/spool');
    assert.deepEqual(at(set, '/spec/persistentVolumeClaimRetentionPolicy'), {
      whenDeleted: 'Retain',
      whenScaled: 'Retain',
    });
  },
  'the control plane hears of each authorization server by its name'(rendered) {
    const replicas = Number(at(rendered.get('StatefulSet/authorization-server'), '/spec/replicas'));
    const control = at(rendered.get('StatefulSet/control-plane'), '/spec/template/spec/containers/control-plane');
    assert.equal(
      at(control, '/env/SALLYPORT_AUTHORIZATION_SERVERS/value'),
      Array.from({ length: replicas }, (_, index) => `authorization-server-${index}`).join(','),
    );
  },
};
