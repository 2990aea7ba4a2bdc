{{/*
One resource of a service, with what `patches` says of it. The name of the file, `<component>-<kind>.yaml`, says which.
Takes the root and the kind.
*/}}
{{- define "sallyport.render" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $component := $root.Template.Name | base | trimSuffix (printf "-%s.yaml" $kind) -}}
{{- $arguments := dict
  "root" $root
  "component" $component
  "key" (camelcase $component | untitle)
  "values" (index $root.Values (camelcase $component | untitle))
  "port" (get (dict "gateway" 7400 "authorization-server" 7401 "control-plane" 7402) $component)
  "url" (get (dict "gateway" $root.Values.urls.gateway "authorization-server" $root.Values.urls.issuer "control-plane" $root.Values.urls.controlPlane) $component)
  "annotations" (ternary $root.Values.ingress.gatewayAnnotations dict (eq $component "gateway"))
-}}
{{- include "sallyport.resource" (dict "root" $root "resource" (include (printf "sallyport.%s" $kind) $arguments)) -}}
{{- end -}}
