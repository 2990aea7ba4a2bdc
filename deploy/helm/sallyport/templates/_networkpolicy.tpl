{{/* Peers and ports of one rule, where no peer is anybody. Takes a dict of direction (from, to), peers, ports. */}}
{{- define "sallyport.rule" -}}
- ports:
{{- range .ports }}
    - { protocol: TCP, port: {{ . }} }
{{- end }}
{{- with .peers }}
  {{ $.direction }}:
{{ toYaml . | indent 4 }}
{{- end }}
{{- end -}}

{{- define "sallyport.podsOf" -}}
podSelector: { matchLabels: {{ include "sallyport.selectorLabels" . | fromYaml | toJson }} }
{{- end -}}

{{- define "sallyport.egress.names" -}}
- ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
  to: [{ namespaceSelector: {} }, { ipBlock: { cidr: 169.254.20.10/32 } }]
{{- end -}}

{{/* Every address that is not private, unless the values name others. */}}
{{- define "sallyport.egress.outside" -}}
{{- with .root.Values.networkPolicy }}
{{- if .outside.to }}
{{ include "sallyport.rule" (dict "direction" "to" "peers" .outside.to "ports" .outside.ports) }}
{{- else }}
{{- $four := dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" .privateRanges) }}
{{- $six := dict "ipBlock" (dict "cidr" "::/0" "except" .privateRanges6) }}
{{ include "sallyport.rule" (dict "direction" "to" "peers" (list $four $six) "ports" .outside.ports) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What a service reaches: the trust boundaries of docs/architecture.md. A gateway has no way to a database. */}}
{{- define "sallyport.networkpolicy" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $isGateway := eq .component "gateway" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "sallyport.metadata" . | nindent 2 }}
spec:
{{ include "sallyport.podsOf" . | indent 2 }}
  policyTypes: [Ingress, Egress]
{{- if or .port $policy.metricsFrom }}
  ingress:
{{- else }}
  ingress: []
{{- end }}
{{- if .port }}
{{ include "sallyport.rule" (dict "direction" "from" "peers" $policy.publicFrom "ports" (list .port)) | indent 4 }}
{{- if and $policy.publicFrom (eq .component "authorization-server") }}
{{- range list "gateway" "control-plane" }}
        - {{ include "sallyport.podsOf" (dict "root" $.root "component" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- with $policy.metricsFrom }}
{{ include "sallyport.rule" (dict "direction" "from" "peers" . "ports" (list 7490)) | indent 4 }}
{{- end }}
  egress:
{{ include "sallyport.egress.names" . | indent 4 }}
{{ include "sallyport.rule" (dict "direction" "to" "peers" $policy.nats.to "ports" $policy.nats.ports) | indent 4 }}
{{- if has .component (list "gateway" "control-plane") }}
    - ports: [{ protocol: TCP, port: 7401 }]
      to: [{ {{- include "sallyport.podsOf" (dict "root" .root "component" "authorization-server") -}} }]
{{- end }}
{{- if not $isGateway }}
{{ include "sallyport.rule" (dict "direction" "to" "peers" $policy.database.to "ports" $policy.database.ports) | indent 4 }}
{{- end }}
{{- if and (eq .component "token-refresh-worker") (or .root.Values.redis.url .root.Values.redis.urlFrom.existingSecret) }}
{{ include "sallyport.rule" (dict "direction" "to" "peers" $policy.redis.to "ports" $policy.redis.ports) | indent 4 }}
{{- end }}
{{- include "sallyport.egress.outside" . | indent 4 }}
{{- with $policy.extraEgress }}
{{ toYaml . | indent 4 }}
{{- end }}
{{- end -}}
