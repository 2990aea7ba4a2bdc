{{/* Beginning of the names of resources; it is part of host names, so without dots. */}}
{{- define "sallyport.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := default (ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name)) .Values.fullnameOverride -}}
{{- $full | replace "." "-" | trunc 36 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of a resource of a component. Takes a dict of root and component. */}}
{{- define "sallyport.name" -}}
{{ include "sallyport.fullname" .root }}-{{ .component }}
{{- end -}}

{{- define "sallyport.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "sallyport.labels" -}}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{ include "sallyport.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: sallyport
{{- end -}}

{{- define "sallyport.metadata" -}}
name: {{ include "sallyport.name" . }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "sallyport.labels" . | nindent 2 }}
{{- end -}}

{{- define "sallyport.serviceAccountName" -}}
{{- if .values.serviceAccount.create -}}
{{ default (include "sallyport.name" .) .values.serviceAccount.name }}
{{- else -}}
{{ default "default" .values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "sallyport.image" -}}
{{- with .root.Values.image.registry }}{{ . | trimSuffix "/" }}/{{ end -}}
{{ .image.repository }}:{{ .image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{/* Where other services reach the authorization server without leaving the cluster. */}}
{{- define "sallyport.internalIssuer" -}}
{{- $port := int .Values.authorizationServer.service.port -}}
http://{{ include "sallyport.fullname" . }}-authorization-server{{ if ne $port 80 }}:{{ $port }}{{ end }}
{{- end -}}

{{/* Host of a public origin. */}}
{{- define "sallyport.host" -}}
{{ get (urlParse .) "hostname" }}
{{- end -}}

{{- define "sallyport.tlsSecret" -}}
{{- default (ternary (printf "%s-tls" (include "sallyport.fullname" .)) "" .Values.tls.certManager.enabled) .Values.tls.existingSecret -}}
{{- end -}}

{{/* The names that authorization servers publish events under. */}}
{{- define "sallyport.authorizationServers" -}}
{{- $names := list -}}
{{- range until (int .Values.authorizationServer.replicas) -}}
{{- $names = append $names (printf "authorization-server-%d" .) -}}
{{- end -}}
{{ join "," $names }}
{{- end -}}
