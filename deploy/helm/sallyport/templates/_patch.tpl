{{/*
The text of a resource with the operations of `patches.<file>` done to it, one after the other. Takes a dict of root and
resource (YAML).
*/}}
{{- define "sallyport.resource" -}}
{{- $file := .root.Template.Name | base | trimSuffix ".yaml" -}}
{{- $state := dict "value" (fromYaml .resource) -}}
{{- if not (get $state.value "kind") -}}
{{- fail (printf "%s is not YAML: %s" $file (get $state.value "Error")) -}}
{{- end -}}
{{- range index .root.Values.patches $file -}}
{{- $path := splitList "/" (trimPrefix "/" .path) -}}
{{- $where := printf "patches.%s: %s %s" $file .op .path -}}
{{- $state = include "sallyport.patch" (dict "node" $state.value "path" $path "operation" . "where" $where) | fromJson -}}
{{- end -}}
{{ toYaml $state.value }}
{{- end -}}

{{/* One operation on one node: `{"value": <the node afterwards>}`. Takes a dict of node, path (list), operation, where. */}}
{{- define "sallyport.patch" -}}
{{- $key := first .path | replace "~1" "/" | replace "~0" "~" -}}
{{- $isLast := eq (len .path) 1 -}}
{{- $inside := dict "path" (rest .path) "operation" .operation "where" .where -}}
{{- $value := .node -}}
{{- if kindIs "map" .node -}}
{{- if and (not (hasKey .node $key)) (or (not $isLast) (ne .operation.op "add")) -}}
{{- fail (printf "%s: there is no %q" .where $key) -}}
{{- end -}}
{{- if not $isLast -}}
{{- $_ := set .node $key (include "sallyport.patch" (set $inside "node" (get .node $key)) | fromJson).value -}}
{{- else if eq .operation.op "remove" -}}
{{- $_ := unset .node $key -}}
{{- else -}}
{{- $_ := set .node $key .operation.value -}}
{{- end -}}
{{- else if kindIs "slice" .node -}}
{{- $isEnd := and $isLast (eq .operation.op "add") (eq $key "-") -}}
{{- if not (or $isEnd (regexMatch "^(0|[1-9][0-9]*)$" $key)) -}}
{{- fail (printf "%s: %q is no place in a list" .where $key) -}}
{{- end -}}
{{- $at := ternary (len .node) (int $key) $isEnd -}}
{{- $isNew := and $isLast (eq .operation.op "add") -}}
{{- if gt $at (ternary (len .node) (sub (len .node) 1 | int) $isNew) -}}
{{- fail (printf "%s: the list ends before %s" .where $key) -}}
{{- end -}}
{{- $before := slice .node 0 $at -}}
{{- $after := slice .node (ternary $at (add $at 1 | int) $isNew) -}}
{{- if not $isLast -}}
{{- $value = concat $before (list (include "sallyport.patch" (set $inside "node" (index .node $at)) | fromJson).value) $after -}}
{{- else if eq .operation.op "remove" -}}
{{- $value = concat $before $after -}}
{{- else -}}
{{- $value = concat $before (list .operation.value) $after -}}
{{- end -}}
{{- else -}}
{{- fail (printf "%s: %q is below what has no members" .where $key) -}}
{{- end -}}
{{ dict "value" $value | toJson }}
{{- end -}}
