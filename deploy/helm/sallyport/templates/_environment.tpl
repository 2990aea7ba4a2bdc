{{/*
What each service is told. A test compares the names with the services' own schemas (config.ts of each app): every name
stands alone after "- name:".
*/}}
{{- define "sallyport.environment.process" -}}
{{- $seed := index .root.Values.nats.seeds .key -}}
- name: POD_INDEX
  valueFrom: { fieldRef: { fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" } }
- name: SALLYPORT_REPLICA
  value: {{ .component }}-$(POD_INDEX)
- name: SALLYPORT_HEALTH_HOST
  value: {{ .root.Values.listenAddress | quote }}
- name: SALLYPORT_HEALTH_PORT
  value: "7490"
- name: SALLYPORT_LOG_LEVEL
  value: {{ .root.Values.logLevel }}
- name: NATS_URL
  value: {{ required "nats.url is required: the servers of the bus, such as tls://nats.example.com:4222" .root.Values.nats.url | quote }}
- name: SALLYPORT_NATS_SEED_FILE
  value: /run/sallyport/replica.seed
{{- with .root.Values.nats.certificateAuthority.existingConfigMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /run/sallyport/nats-authority/ca.crt
{{- end }}
{{- if .root.Values.certificateAuthorities.existingConfigMap }}
{{- $files := list }}
{{- range .root.Values.certificateAuthorities.keys }}
{{- $files = append $files (printf "/run/sallyport/authorities/%s" .) }}
{{- end }}
- name: SALLYPORT_CA_FILES
  value: {{ join "," $files }}
{{- end }}
{{- end -}}

{{- define "sallyport.environment.listener" -}}
- name: SALLYPORT_HOST
  value: {{ .root.Values.listenAddress | quote }}
- name: SALLYPORT_PORT
  value: {{ .port | quote }}
- name: SALLYPORT_GATEWAY_URL
  value: {{ required "urls.gateway is required: the public origin of the gateway, such as https://mcp.example.com" .root.Values.urls.gateway }}
- name: SALLYPORT_ISSUER
  value: {{ required "urls.issuer is required: the public origin of the authorization server, such as https://login.example.com" .root.Values.urls.issuer }}
{{- with .root.Values.trustedProxies }}
- name: SALLYPORT_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{- define "sallyport.environment.pages" -}}
- name: SALLYPORT_CONTROL_PLANE_URL
  value: {{ required "urls.controlPlane is required: the public origin of the control plane, such as https://connect.example.com" .root.Values.urls.controlPlane }}
{{- end -}}

{{/* Takes a dict of database (as in the values) and where (its name there). */}}
{{- define "sallyport.environment.database" -}}
- name: DATABASE_URL
{{- if .database.urlFrom.existingSecret }}
  valueFrom: { secretKeyRef: {{ dict "name" .database.urlFrom.existingSecret "key" .database.urlFrom.key | toJson }} }
{{- else }}
  value: {{ required (printf "%s.urlFrom.existingSecret or %s.url is required: PostgreSQL" .where .where) .database.url | quote }}
{{- with .database.passwordFrom }}
{{- if .existingSecret }}
- name: PGPASSWORD
  valueFrom: { secretKeyRef: {{ dict "name" .existingSecret "key" .key | toJson }} }
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "sallyport.environment.vault" -}}
{{- if .root.Values.keys.master.existingSecret }}
- name: SALLYPORT_MASTER_KEY_FILE
  value: /run/sallyport/keys/master.key
{{- else if not .root.Values.vault.keys }}
{{- fail "keys.master.existingSecret or vault.keys is required: what wraps the vault keys" }}
{{- end }}
{{- with .root.Values.vault.keys }}
- name: SALLYPORT_VAULT_KEYS
  value: {{ join "," . | quote }}
{{- end }}
{{- if .root.Values.vault.tokenFrom.existingSecret }}
- name: SALLYPORT_VAULT_TOKEN_FILE
  value: /run/sallyport/vault/token
{{- end }}
{{- with .root.Values.vault.namespace }}
- name: SALLYPORT_VAULT_NAMESPACE
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "sallyport.environment.gateway" -}}
{{ include "sallyport.environment.process" . }}
{{ include "sallyport.environment.listener" . }}
- name: SALLYPORT_JWKS_URL
  value: {{ include "sallyport.internalIssuer" .root }}/jwks
- name: SALLYPORT_GATEWAY_WORKERS
  value: {{ .values.workers | quote }}
- name: SALLYPORT_SPOOL_DIR
  value: /spool
- name: SALLYPORT_GATEWAY_KEY_FILE
  value: /run/sallyport/replica.jwk
- name: SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE
  value: /run/sallyport/keys/configuration-signing.pub.jwk
- name: SALLYPORT_LEASE_PUBLIC_KEY_FILE
  value: /run/sallyport/keys/lease.pub.jwk
- name: SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE
  value: /run/sallyport/keys/lease-signing.pub.jwk
{{- $files := list }}
{{- range .root.Values.keys.gatewayState.keys }}
{{- $files = append $files (printf "/run/sallyport/keys/state/%s" .) }}
{{- end }}
- name: SALLYPORT_GATEWAY_STATE_KEY_FILES
  value: {{ join "," $files }}
{{- end -}}

{{- define "sallyport.environment.authorization-server" -}}
{{ include "sallyport.environment.process" . }}
{{ include "sallyport.environment.listener" . }}
{{ include "sallyport.environment.pages" . }}
{{ include "sallyport.environment.database" (dict "database" .root.Values.database "where" "database") }}
{{- include "sallyport.environment.vault" . }}
- name: SALLYPORT_INTERNAL_URLS
  value: {{ include "sallyport.internalIssuer" .root }}
- name: SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE
  value: /run/sallyport/keys/configuration-signing.pub.jwk
{{- end -}}

{{- define "sallyport.environment.control-plane" -}}
{{ include "sallyport.environment.process" . }}
{{ include "sallyport.environment.listener" . }}
{{ include "sallyport.environment.pages" . }}
{{ include "sallyport.environment.database" (dict "database" .root.Values.database "where" "database") }}
{{- include "sallyport.environment.vault" . }}
- name: SALLYPORT_JWKS_URL
  value: {{ include "sallyport.internalIssuer" .root }}/jwks
- name: SALLYPORT_AUTHORIZATION_SERVERS
  value: {{ include "sallyport.authorizationServers" .root }}
- name: SALLYPORT_ADMIN_TOKEN_FILE
  value: /run/sallyport/keys/admin-token
- name: SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE
  value: /run/sallyport/keys/configuration-signing.jwk
- name: SALLYPORT_LEASE_KEY_FILE
  value: /run/sallyport/keys/lease.jwk
- name: SALLYPORT_LEASE_SIGNING_KEY_FILE
  value: /run/sallyport/keys/lease-signing.jwk
- name: SALLYPORT_ENROLLED_GATEWAYS
  value: /run/sallyport/gateways
{{- if or .root.Values.configuration.existingConfigMap .root.Values.configuration.documents }}
- name: SALLYPORT_CONFIGURATION_FILE
  value: /etc/sallyport/sallyport.yaml
{{- end }}
{{- end -}}

{{- define "sallyport.environment.token-refresh-worker" -}}
{{ include "sallyport.environment.process" . }}
{{ include "sallyport.environment.database" (dict "database" .root.Values.database "where" "database") }}
{{- include "sallyport.environment.vault" . }}
- name: SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE
  value: /run/sallyport/keys/configuration-signing.pub.jwk
{{- with .root.Values.redis }}
{{- if .urlFrom.existingSecret }}
- name: REDIS_URL
  valueFrom: { secretKeyRef: {{ dict "name" .urlFrom.existingSecret "key" .urlFrom.key | toJson }} }
{{- else if .url }}
- name: REDIS_URL
  value: {{ .url | quote }}
{{- end }}
{{- end }}
{{- end -}}
