{{/* The keys that each service reads, by their names in /run/sallyport/keys; gateways have those of `state` besides. */}}
{{- define "sallyport.keysOf" -}}
gateway:
  configuration-signing.pub.jwk: configurationSigningPublic
  lease.pub.jwk: leasePublic
  lease-signing.pub.jwk: leaseSigningPublic
authorization-server:
  configuration-signing.pub.jwk: configurationSigningPublic
  master.key: master
control-plane:
  configuration-signing.jwk: configurationSigning
  lease.jwk: lease
  lease-signing.jwk: leaseSigning
  admin-token: adminToken
  master.key: master
token-refresh-worker:
  configuration-signing.pub.jwk: configurationSigningPublic
  master.key: master
{{- end -}}

{{/* Volumes of a service. What is in a volume is read by its group, `fsGroup`, and by nobody else. */}}
{{- define "sallyport.volumes" -}}
{{- $root := .root -}}
{{- $keys := $root.Values.keys -}}
- name: tmp
  emptyDir: { sizeLimit: 256Mi }
- name: keys
  projected:
    defaultMode: 0440
    sources:
{{- range $file, $name := index (include "sallyport.keysOf" . | fromYaml) .component }}
{{- with index $keys $name }}
{{- if .existingSecret }}
      - secret:
          name: {{ .existingSecret }}
          items: [{{ dict "key" .key "path" $file | toJson }}]
{{- else if ne $name "master" }}
{{- fail (printf "keys.%s.existingSecret is required" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq .component "gateway" }}
      - secret:
          name: {{ required "keys.gatewayState.existingSecret is required" $keys.gatewayState.existingSecret }}
          items:
{{- range $keys.gatewayState.keys }}
            - {{ dict "key" . "path" (printf "state/%s" .) | toJson }}
{{- end }}
- name: replica-keys
  secret:
    secretName: {{ required "keys.gateways.existingSecret is required" $keys.gateways.existingSecret }}
    defaultMode: 0440
{{- end }}
- name: replica-seeds
  secret:
    secretName: {{ required (printf "nats.seeds.%s.existingSecret is required" .key) (index $root.Values.nats.seeds .key).existingSecret }}
    defaultMode: 0440
{{- if eq .component "control-plane" }}
- name: gateways
  secret:
    secretName: {{ required "keys.enrolledGateways.existingSecret is required" $keys.enrolledGateways.existingSecret }}
    defaultMode: 0440
{{- with $root.Values.configuration }}
{{- if or .existingConfigMap .documents }}
- name: configuration
  configMap:
    name: {{ default (include "sallyport.name" (dict "root" $root "component" "configuration")) .existingConfigMap }}
    items: [{{ dict "key" (ternary .key "sallyport.yaml" (ne .existingConfigMap "")) "path" "sallyport.yaml" | toJson }}]
{{- end }}
{{- with .existingSecret }}
- name: documents
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end }}
{{- if and (ne .component "gateway") $root.Values.vault.tokenFrom.existingSecret }}
- name: vault
  secret:
    secretName: {{ $root.Values.vault.tokenFrom.existingSecret }}
    defaultMode: 0440
    items: [{{ dict "key" $root.Values.vault.tokenFrom.key "path" "token" | toJson }}]
{{- end }}
{{- with $root.Values.nats.certificateAuthority }}
{{- if .existingConfigMap }}
- name: nats-authority
  configMap:
    name: {{ .existingConfigMap }}
    items: [{{ dict "key" .key "path" "ca.crt" | toJson }}]
{{- end }}
{{- end }}
{{- with $root.Values.certificateAuthorities.existingConfigMap }}
- name: authorities
  configMap:
    name: {{ . }}
{{- end }}
{{- if and (eq .component "gateway") (not .values.spool.persistent) }}
- name: spool
  emptyDir: { sizeLimit: {{ .values.spool.size }} }
{{- end }}
{{- end -}}

{{/* A replica is shown its own key and seed, not those of the others that are in the same Secret. */}}
{{- define "sallyport.volumeMounts" -}}
{{- $root := .root -}}
- { name: tmp, mountPath: /tmp }
- { name: keys, mountPath: /run/sallyport/keys, readOnly: true }
- name: replica-seeds
  mountPath: /run/sallyport/replica.seed
  subPathExpr: $(SALLYPORT_REPLICA){{ (index $root.Values.nats.seeds .key).suffix }}
  readOnly: true
{{- if eq .component "gateway" }}
- name: replica-keys
  mountPath: /run/sallyport/replica.jwk
  subPathExpr: $(SALLYPORT_REPLICA){{ $root.Values.keys.gateways.suffix }}
  readOnly: true
- { name: spool, mountPath: /spool }
{{- end }}
{{- if eq .component "control-plane" }}
- { name: gateways, mountPath: /run/sallyport/gateways, readOnly: true }
{{- if or $root.Values.configuration.existingConfigMap $root.Values.configuration.documents }}
- { name: configuration, mountPath: /etc/sallyport, readOnly: true }
{{- end }}
{{- if $root.Values.configuration.existingSecret }}
- { name: documents, mountPath: /run/sallyport/documents, readOnly: true }
{{- end }}
{{- end }}
{{- if and (ne .component "gateway") $root.Values.vault.tokenFrom.existingSecret }}
- { name: vault, mountPath: /run/sallyport/vault, readOnly: true }
{{- end }}
{{- if $root.Values.nats.certificateAuthority.existingConfigMap }}
- { name: nats-authority, mountPath: /run/sallyport/nats-authority, readOnly: true }
{{- end }}
{{- if $root.Values.certificateAuthorities.existingConfigMap }}
- { name: authorities, mountPath: /run/sallyport/authorities, readOnly: true }
{{- end }}
{{- end -}}
