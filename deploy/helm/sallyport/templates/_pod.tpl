{{/* What every container of the chart may do: nothing but run. */}}
{{- define "sallyport.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* The settings of the chart's users, by name. */}}
{{- define "sallyport.settings" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{/* Where a pod may run. Takes a dict of root and pod. */}}
{{- define "sallyport.podPlacement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .pod.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* `pods` and a service's own `pod`: maps and texts of the latter win, lists of both are taken. */}}
{{- define "sallyport.podOf" -}}
{{- $pod := mergeOverwrite (deepCopy .root.Values.pods) (deepCopy .values.pod) -}}
{{- range list "tolerations" "extraEnv" "extraVolumes" "extraVolumeMounts" -}}
{{- $_ := set $pod . (concat (index $.root.Values.pods .) (default list (index $.values.pod .))) -}}
{{- end -}}
{{ toJson $pod }}
{{- end -}}

{{- define "sallyport.statefulset" -}}
{{- $arguments := . -}}
{{- $root := .root -}}
{{- $pod := include "sallyport.podOf" . | fromJson -}}
apiVersion: apps/v1
kind: StatefulSet
metadata: {{- include "sallyport.metadata" . | nindent 2 }}
spec:
{{- if not (dig "autoscaling" "enabled" false .values) }}
  replicas: {{ .values.replicas }}
{{- end }}
  serviceName: {{ include "sallyport.name" . }}-pods
  podManagementPolicy: Parallel
  selector:
    matchLabels: {{- include "sallyport.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- merge (include "sallyport.labels" . | fromYaml) $pod.labels | toYaml | nindent 8 }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .component }}
{{- if and (eq .component "control-plane") $root.Values.configuration.documents }}
        checksum/configuration: {{ sha256sum $root.Values.configuration.documents }}
{{- end }}
{{- with $pod.annotations }}
{{ toYaml . | indent 8 }}
{{- end }}
    spec:
      serviceAccountName: {{ include "sallyport.serviceAccountName" . }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $pod.terminationGracePeriodSeconds }}
      securityContext: {{- toYaml $root.Values.podSecurityContext | nindent 8 }}
{{- include "sallyport.podPlacement" (dict "root" $root "pod" $pod) | indent 6 }}
{{- if $root.Values.topologySpread.enabled }}
      topologySpreadConstraints:
{{- range $root.Values.topologySpread.topologyKeys }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: {{ $root.Values.topologySpread.whenUnsatisfiable }}
          labelSelector: { matchLabels: {{ include "sallyport.selectorLabels" $arguments | fromYaml | toJson }} }
{{- end }}
{{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "sallyport.image" (dict "root" $root "image" .values.image) | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          securityContext: {{- include "sallyport.containerSecurityContext" . | nindent 12 }}
          resources: {{- toYaml .values.resources | nindent 12 }}
          ports:
{{- if .port }}
            - { name: http, containerPort: {{ .port }}, protocol: TCP }
{{- end }}
            - { name: health, containerPort: 7490, protocol: TCP }
          livenessProbe:
            httpGet: { path: /healthz, port: health }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: health }
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          startupProbe:
            httpGet: { path: /healthz, port: health }
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 60
{{- if .port }}
          # Until everybody has heard that the pod is no endpoint any more, it serves.
          lifecycle:
            preStop: { exec: { command: [node, -e, "setTimeout(() => {}, 5000)"] } }
{{- end }}
          env:
{{ include (printf "sallyport.environment.%s" .component) . | indent 12 }}
{{- include "sallyport.settings" .values.settings | indent 12 }}
{{- with $pod.extraEnv }}
{{ toYaml . | indent 12 }}
{{- end }}
          volumeMounts:
{{ include "sallyport.volumeMounts" . | indent 12 }}
{{- with $pod.extraVolumeMounts }}
{{ toYaml . | indent 12 }}
{{- end }}
      volumes:
{{ include "sallyport.volumes" . | indent 8 }}
{{- with $pod.extraVolumes }}
{{ toYaml . | indent 8 }}
{{- end }}
{{- if and (eq .component "gateway") .values.spool.persistent }}
  persistentVolumeClaimRetentionPolicy: { whenDeleted: Retain, whenScaled: Retain }
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: spool
{{- with .values.spool.annotations }}
        annotations: {{- toYaml . | nindent 10 }}
{{- end }}
      spec:
        accessModes: [ReadWriteOnce]
{{- with .values.spool.storageClassName }}
        storageClassName: {{ . }}
{{- end }}
        resources: { requests: { storage: {{ .values.spool.size }} } }
{{- end }}
{{- end -}}

{{- define "sallyport.service" -}}
apiVersion: v1
kind: Service
metadata:
{{ include "sallyport.metadata" . | indent 2 }}
{{- with .values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
{{- end }}
spec:
  type: {{ .values.service.type }}
  selector: {{- include "sallyport.selectorLabels" . | nindent 4 }}
  ports:
    - { name: http, port: {{ .values.service.port }}, targetPort: http, protocol: TCP, appProtocol: http }
{{- end -}}

{{/* Gives pods their names, and collectors of metrics their addresses. */}}
{{- define "sallyport.pods-service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "sallyport.name" . }}-pods
  namespace: {{ .root.Release.Namespace }}
  labels:
{{ include "sallyport.labels" . | indent 4 }}
    sallyport/metrics: "true"
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {{- include "sallyport.selectorLabels" . | nindent 4 }}
  ports:
    - { name: health, port: 7490, targetPort: health, protocol: TCP }
{{- end -}}

{{- define "sallyport.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "sallyport.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "sallyport.labels" . | nindent 4 }}
{{- with .values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
{{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "sallyport.poddisruptionbudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "sallyport.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels: {{- include "sallyport.selectorLabels" . | nindent 6 }}
{{- end -}}

{{- define "sallyport.ingress" -}}
{{- $arguments := . -}}
{{- $root := .root -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
{{ include "sallyport.metadata" . | indent 2 }}
{{- with merge (dict) (default dict .annotations) $root.Values.ingress.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
{{- end }}
spec:
{{- with $root.Values.ingress.className }}
  ingressClassName: {{ . }}
{{- end }}
{{- with include "sallyport.tlsSecret" $root }}
  tls:
    - { hosts: [{{ include "sallyport.host" $arguments.url }}], secretName: {{ . }} }
{{- end }}
  rules:
    - host: {{ include "sallyport.host" .url }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: {{ include "sallyport.name" . }}, port: { name: http } } }
{{- end -}}

{{- define "sallyport.httproute" -}}
{{- $root := .root -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
{{ include "sallyport.metadata" . | indent 2 }}
{{- with $root.Values.gatewayApi.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
{{- end }}
spec:
  parentRefs: {{- if not $root.Values.gatewayApi.parentRefs }}{{ fail "gatewayApi.parentRefs is required: the Gateways that the routes are attached to" }}{{ end }}
{{ toYaml $root.Values.gatewayApi.parentRefs | indent 4 }}
  hostnames: [{{ include "sallyport.host" .url }}]
  rules:
    - matches: [{ path: { type: PathPrefix, value: / } }]
      backendRefs: [{ name: {{ include "sallyport.name" . }}, port: {{ .values.service.port }} }]
{{- end -}}

{{- define "sallyport.horizontalpodautoscaler" -}}
{{- with .values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{- include "sallyport.metadata" $ | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: StatefulSet, name: {{ include "sallyport.name" $ }} }
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource: { name: cpu, target: { type: Utilization, averageUtilization: {{ .targetCPUUtilizationPercentage }} } }
{{- with .behavior }}
  behavior: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}
{{- end -}}
